import { SetMetadata, applyDecorators } from '@nestjs/common';
import { ApiBearerAuth, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { SURFACES, type Surface, type SurfaceName } from './surface.js';

export const SURFACE_METADATA = 'tollgate:surface';

/** Under which heading the document lists a dialect's routes. */
export const SURFACE_TAGS: Readonly<Record<SurfaceName, string>> = {
  waterflai: 'W: Waterflai and OpenAI root',
  qolaba: 'Q: Qolaba',
  lightningrod: 'L: LightningRod',
};

/**
 * Names the dialect of a controller, once. Its routes need an API key; the filter, the validation and the answers of
 * the request speak that dialect.
 */
export function Serves(name: SurfaceName): ClassDecorator & MethodDecorator {
  const surface: Surface = SURFACES[name];
  return applyDecorators(
    SetMetadata(SURFACE_METADATA, surface),
    ApiTags(SURFACE_TAGS[name]),
    ApiBearerAuth('Bearer'),
    ApiSecurity('X-API-Key'),
  );
}
