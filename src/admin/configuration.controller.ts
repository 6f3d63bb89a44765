import { HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { CatalogueKeeper } from '../inference/catalogue-keeper.service.js';
import { ConfigurationReload } from './admin-objects.dto.js';
import { AdminRoute } from './admin-route.decorator.js';

@AdminRoute('configuration')
export class ConfigurationController {
  constructor(private readonly catalogue: CatalogueKeeper) {}

  /** Reads `tollgate.yaml` again, as SIGHUP does, in the process that answers. A bad one is refused, and changes nothing. */
  @Post('reload')
  @HttpCode(200)
  @ApiOperation({ operationId: 'reloadConfiguration', summary: 'Read the configuration file again' })
  @ApiOkResponse({ type: ConfigurationReload, description: 'What was read' })
  async reload(): Promise<ConfigurationReload> {
    const { configFile, upstreams, models, faults } = await this.catalogue.reload();
    const ok = faults.length === 0;
    return {
      object: 'configuration_reload',
      ok,
      file: configFile ?? null,
      ...(ok ? { upstreams, models } : {}),
      faults,
    };
  }
}
