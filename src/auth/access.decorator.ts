import { SetMetadata } from '@nestjs/common';

export const ACCESS_METADATA = 'tollgate:access';

export type Access = 'public' | 'admin';

/** Open to anyone: health, documentation. Written out at each route that needs no key. */
export const Public = (): ClassDecorator & MethodDecorator =>
  SetMetadata(ACCESS_METADATA, 'public' satisfies Access);

/** The operator's own routes, `Authorization: Bearer ADMIN_KEY`. */
export const AdminOnly = (): ClassDecorator & MethodDecorator =>
  SetMetadata(ACCESS_METADATA, 'admin' satisfies Access);
