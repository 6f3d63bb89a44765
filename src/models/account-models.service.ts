import { Injectable } from '@nestjs/common';
import type { Principal } from '../common/principal.js';
import type { ModelObject } from '../contracts/openai/model.dto.js';

/** Models that an account has besides those of the catalogue. Shows a key what it can call, and nothing else exists. */
export interface AccountModelSource {
  /** In the order in which they are shown. Asked at every list, so mostly it answers from memory. */
  list(principal: Principal): Promise<readonly ModelObject[]>;
  find(id: string, principal: Principal): Promise<ModelObject | undefined>;
}

/** Those who know such models, whom the catalogue itself does not know. */
@Injectable()
export class AccountModelsService implements AccountModelSource {
  private readonly sources: AccountModelSource[] = [];

  /** Call at start, before the first request. */
  add(source: AccountModelSource): void {
    this.sources.push(source);
  }

  async list(principal: Principal): Promise<readonly ModelObject[]> {
    const lists = await Promise.all(this.sources.map((source) => source.list(principal)));
    return lists.flat();
  }

  async find(id: string, principal: Principal): Promise<ModelObject | undefined> {
    for (const source of this.sources) {
      const found = await source.find(id, principal);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
