// Packages that are CommonJS require Nest, which is ESM; Jest allows that only once Nest has been evaluated.
import 'reflect-metadata';
import '@nestjs/common';
import '@nestjs/core';
