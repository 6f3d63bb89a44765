import { Module } from '@nestjs/common';
import { UpstreamRegistryService } from './upstream-registry.service.js';

@Module({ providers: [UpstreamRegistryService], exports: [UpstreamRegistryService] })
export class UpstreamsModule {}
