import { Controller, Get, Module, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppModule } from '../../src/app.module.js';
import { loadConfig } from '../../src/config/load-config.js';
import { frontDoor } from '../../src/http/front-door.js';
import { TollgateAdapter } from '../../src/http/tollgate-adapter.js';
import { Serves } from '../../src/surfaces/serves.decorator.js';
import { AdminOnly, Public } from '../../src/auth/access.decorator.js';

const ADMIN_KEY = 'admin-key-of-the-tests';
const ok = { ok: true };

/** Somebody forgot to say who may call this. */
@Controller('forgotten')
class ForgottenController {
  @Get()
  read() {
    return ok;
  }

  @Post()
  write() {
    return ok;
  }

  @Public()
  @Get('said')
  said() {
    return ok;
  }
}

@Public()
@Controller('open')
class OpenController {
  @Get()
  read() {
    return ok;
  }

  @AdminOnly()
  @Get('but-this')
  readAsOperator() {
    return ok;
  }
}

/** A surface’s routes need its key, whatever else a route says of itself. */
@Serves('qolaba')
@Controller('served')
class ServedController {
  @Get()
  read() {
    return ok;
  }

  @Public()
  @Get('public')
  readPublicly() {
    return ok;
  }
}

@Module({ controllers: [ForgottenController, OpenController, ServedController] })
class NewFeatureModule {}

describe('a route of the whole house', () => {
  let app: NestExpressApplication;
  let origin: string;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-guard-'));
    const config = loadConfig({ DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'silent', ADMIN_KEY }, folder);
    const module = await Test.createTestingModule({
      imports: [AppModule.forRoot(config), NewFeatureModule],
    }).compile();
    app = module.createNestApplication<NestExpressApplication>(new TollgateAdapter(config.server), {
      bodyParser: false,
      logger: false,
    });
    app.use(frontDoor({ corsOrigins: ['*'] }));
    await app.listen(0, '127.0.0.1');
    origin = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await app.close();
    await rm(folder, { recursive: true });
  });

  async function statusOf(path: string, method = 'GET', key?: string): Promise<number> {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return (await fetch(`${origin}${path}`, { method, headers })).status;
  }

  it.each([undefined, ADMIN_KEY, 'sk-tg-anything'])(
    'that says nothing of who may call it is closed to everyone (%s)',
    async (key) => {
      expect(await statusOf('/forgotten', 'GET', key)).toBe(403);
      expect(await statusOf('/forgotten', 'POST', key)).toBe(403);
    },
  );

  it('that says it is public is open', async () => {
    expect(await statusOf('/forgotten/said')).toBe(200);
    expect(await statusOf('/open')).toBe(200);
  });

  it('that is the operator’s is so also in a public controller', async () => {
    expect(await statusOf('/open/but-this')).toBe(401);
    expect(await statusOf('/open/but-this', 'GET', 'sk-tg-anything')).toBe(401);
    expect(await statusOf('/open/but-this', 'GET', ADMIN_KEY)).toBe(200);
  });

  it('of a surface needs a key, also where somebody wrote that it is public', async () => {
    expect(await statusOf('/served')).toBe(401);
    expect(await statusOf('/served/public')).toBe(401);
    expect(await statusOf('/served', 'GET', ADMIN_KEY)).toBe(401);
  });
});
