import { Param } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';

const ROW_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The `:id` of a path. What no row can have for an id never reaches the database: it may be no text to it at all. */
export const RowId = (): ParameterDecorator =>
  Param('id', {
    transform(id: string): string {
      if (ROW_ID.test(id)) return id;
      throw new DomainError('not_found', 'There is no such record.');
    },
  });
