import { Injectable } from '@nestjs/common';
import type { Principal } from '../common/principal.js';
import type { ModelList, ModelObject } from '../contracts/openai/model.dto.js';
import { AccountModelsService } from './account-models.service.js';
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

  constructor(
    private readonly catalogue: CatalogueService,
    private readonly accountModels: AccountModelsService,
  ) {}

  /**
   * The list as JSON text: the catalogue's models, then the account's own. Pickers ask for it often and want it at once,
   * so the catalogue's part for a key without a list of its own is written once a catalogue.
   *
   * @param defaultOwner shown where a model has no owner
   */
  async listJson(principal: Principal, defaultOwner: string): Promise<string> {
    const own = await this.accountModels.list(principal);
    const { allowedModels } = principal;
    if (allowedModels !== null) return JSON.stringify(this.list(allowedModels, defaultOwner, own));
    const json = this.catalogueJson(defaultOwner);
    return own.length === 0 ? json : withMore(json, own);
  }

  /** @throws ModelObjectNotFoundError */
  async retrieve(id: string, principal: Principal, defaultOwner: string): Promise<ModelObject> {
    const model = this.catalogue.find(id);
    if (model !== undefined && isPriced(model) && this.catalogue.permits(principal.allowedModels, model)) {
      return toModelObject(model, defaultOwner);
    }
    const own = await this.accountModels.find(id, principal);
    if (own === undefined) throw new ModelObjectNotFoundError(id);
    return own;
  }

  private catalogueJson(defaultOwner: string): string {
    const catalogue = this.catalogue.current();
    let byOwner = this.listsJson.get(catalogue);
    if (byOwner === undefined) this.listsJson.set(catalogue, (byOwner = new Map<string, string>()));
    let json = byOwner.get(defaultOwner);
    if (json === undefined) {
      byOwner.set(defaultOwner, (json = JSON.stringify(this.list(null, defaultOwner, []))));
    }
    return json;
  }

  private list(
    allowedModels: readonly string[] | null,
    defaultOwner: string,
    own: readonly ModelObject[],
  ): ModelList {
    const models = this.catalogue.list().filter((model) => this.catalogue.permits(allowedModels, model));
    const data = models.map((model) => toModelObject(model, defaultOwner));
    return { object: 'list', data: [...data, ...own] };
  }
}

const END = ']}';
const EMPTY = '[]}';

/** Puts more models at the end of a list that is JSON already. */
function withMore(json: string, models: readonly ModelObject[]): string {
  const comma = json.endsWith(EMPTY) ? '' : ',';
  return json.slice(0, -END.length) + comma + JSON.stringify(models).slice(1) + END.slice(1);
}
