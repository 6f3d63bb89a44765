import { Injectable } from '@nestjs/common';
import type { ModelList, ModelObject } from '../contracts/openai/model.dto.js';
import type { Catalogue } from './catalogue.js';
import { CatalogueService } from './catalogue.service.js';
import { toModelObject } from './model-object.js';
import { isPriced } from './model.js';
import { ModelObjectNotFoundError } from './models.errors.js';

/** What the models routes answer with. A caller sees the models that it can call, and no others exist for it. */
@Injectable()
export class ModelsService {
  /** Lists in JSON by default owner, as long as their catalogue is in force. */
  private readonly listsJson = new WeakMap<Catalogue, Map<string, string>>();

  constructor(private readonly catalogue: CatalogueService) {}

  /**
   * The list as JSON text; pickers ask for it often and want it at once, so that of a key without a list of its own is
   * written once a catalogue.
   *
   * @param defaultOwner shown where a model has no owner
   */
  listJson(allowedModels: readonly string[] | null, defaultOwner: string): string {
    if (allowedModels !== null) return JSON.stringify(this.list(allowedModels, defaultOwner));
    const catalogue = this.catalogue.current();
    let byOwner = this.listsJson.get(catalogue);
    if (byOwner === undefined) this.listsJson.set(catalogue, (byOwner = new Map<string, string>()));
    let json = byOwner.get(defaultOwner);
    if (json === undefined) {
      byOwner.set(defaultOwner, (json = JSON.stringify(this.list(allowedModels, defaultOwner))));
    }
    return json;
  }

  /** @throws ModelObjectNotFoundError */
  retrieve(id: string, allowedModels: readonly string[] | null, defaultOwner: string): ModelObject {
    const model = this.catalogue.find(id);
    if (model === undefined || !isPriced(model) || !this.catalogue.permits(allowedModels, model)) {
      throw new ModelObjectNotFoundError(id);
    }
    return toModelObject(model, defaultOwner);
  }

  private list(allowedModels: readonly string[] | null, defaultOwner: string): ModelList {
    const models = this.catalogue.list().filter((model) => this.catalogue.permits(allowedModels, model));
    return { object: 'list', data: models.map((model) => toModelObject(model, defaultOwner)) };
  }
}
