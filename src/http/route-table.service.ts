import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** The part of Express 5's router that tells what it would match. */
interface RouterLayer {
  route?: { methods: Record<string, boolean> };
  match(path: string): boolean;
}

/** Knows the methods of a path, so that a wrong method is told from a wrong path. Asked only when no route matched. */
@Injectable()
export class RouteTableService {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** As `methodsOf`, of the application. */
  methodsOf(path: string): string[] {
    return methodsOf(this.adapterHost.httpAdapter.getInstance<RoutedApp>(), path);
  }
}

/** An Express application, as far as its routes go. */
export interface RoutedApp {
  readonly router: { readonly stack: readonly RouterLayer[] };
}

/** Methods that some route serves at this path, sorted; empty: no such path. */
export function methodsOf({ router }: RoutedApp, path: string): string[] {
  const methods = new Set<string>();
  for (const layer of router.stack) {
    if (layer.route === undefined || !matches(layer, path)) continue;
    for (const method of Object.keys(layer.route.methods)) methods.add(method.toUpperCase());
  }
  // `_ALL` marks a handler for every method; none of ours is one.
  methods.delete('_ALL');
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].toSorted();
}

/** A path that cannot be decoded matches nothing. */
function matches(layer: RouterLayer, path: string): boolean {
  try {
    return layer.match(path);
  } catch {
    return false;
  }
}
