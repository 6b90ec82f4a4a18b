/** What `deno doc --json` tells, as far as the pages show it. */

import { ROOT } from "../sources.ts";

/** Where a declaration stands. */
export interface Location {
  readonly filename: string;
  readonly line: number;
  readonly col: number;
}

/** A tag of a docstring. */
export interface Tag {
  readonly kind: string;
  readonly name?: string;
  readonly doc?: string;
  readonly tsType?: TsType;
}

/** A docstring. */
export interface JsDoc {
  readonly doc?: string;
  readonly tags?: readonly Tag[];
}

/** A type parameter. */
export interface TypeParam {
  readonly name: string;
  readonly constraint?: TsType;
  readonly default?: TsType;
}

/** A parameter of a function. */
export type Param =
  | {
    readonly kind: "identifier";
    readonly name: string;
    readonly optional?: boolean;
    readonly tsType?: TsType;
  }
  | {
    readonly kind: "assign";
    readonly left: Param;
    readonly right: string;
    readonly tsType?: TsType;
  }
  | { readonly kind: "rest"; readonly arg: Param; readonly tsType?: TsType }
  | { readonly kind: "object" | "array"; readonly tsType?: TsType };

/** A function's type. */
export interface Signature {
  readonly params: readonly Param[];
  readonly typeParams?: readonly TypeParam[];
  readonly returnType?: TsType;
  /** In place of a return type, in the type of a function. */
  readonly tsType?: TsType;
}

/** A member of an interface, a class or an object's type. */
export interface Member extends Partial<Signature> {
  readonly name: string;
  readonly kind?: string;
  readonly jsDoc?: JsDoc;
  readonly location: Location;
  readonly optional?: boolean;
  readonly readonly?: boolean;
  readonly computed?: boolean;
  readonly isStatic?: boolean;
  readonly isAbstract?: boolean;
  readonly accessibility?: string;
  /** A method's type, in a class. */
  readonly functionDef?: Signature;
}

/** What an object has. */
export interface Members {
  readonly properties?: readonly Member[];
  readonly methods?: readonly Member[];
  readonly callSignatures?: readonly Omit<Member, "name">[];
  readonly indexSignatures?: readonly Signature[];
}

interface Mapped {
  readonly readonly?: boolean;
  readonly optional?: boolean;
  readonly typeParam: TypeParam;
  readonly tsType?: TsType;
}

interface Conditional {
  readonly checkType: TsType;
  readonly extendsType: TsType;
  readonly trueType: TsType;
  readonly falseType: TsType;
}

/** A type. */
export type TsType =
  & { readonly repr?: string }
  & (
    | { readonly kind: "keyword" | "typeQuery"; readonly value: string }
    | {
      readonly kind: "literal";
      readonly value: { readonly kind: string; readonly string?: string };
    }
    | {
      readonly kind: "typeRef";
      readonly value: { readonly typeName: string; readonly typeParams?: readonly TsType[] };
    }
    | { readonly kind: "union" | "intersection" | "tuple"; readonly value: readonly TsType[] }
    | { readonly kind: "array" | "parenthesized" | "rest" | "optional"; readonly value: TsType }
    | {
      readonly kind: "typeOperator";
      readonly value: { readonly operator: string; readonly tsType: TsType };
    }
    | {
      readonly kind: "indexedAccess";
      readonly value: { readonly objType: TsType; readonly indexType: TsType };
    }
    | {
      readonly kind: "fnOrConstructor";
      readonly value: Signature & { readonly constructor: boolean };
    }
    | { readonly kind: "typeLiteral"; readonly value: Members }
    | { readonly kind: "mapped"; readonly value: Mapped }
    | { readonly kind: "conditional"; readonly value: Conditional }
    | { readonly kind: "infer"; readonly value: { readonly typeParam: TypeParam } }
  );

/** What a declaration is made of; which members there are depends on its kind. */
export interface Definition extends Members, Partial<Signature> {
  readonly constructors?: readonly Member[];
  readonly extends?: string | readonly TsType[];
  readonly superTypeParams?: readonly TsType[];
  readonly implements?: readonly TsType[];
  readonly isAbstract?: boolean;
  /** Where what is handed on is declared. */
  readonly target?: Location;
  readonly elements?: readonly SymbolNode[];
}

/** A declaration. */
export interface Declaration {
  readonly kind:
    | "function"
    | "interface"
    | "class"
    | "typeAlias"
    | "variable"
    | "namespace"
    | "reference";
  readonly location: Location;
  readonly jsDoc?: JsDoc;
  readonly def: Definition;
}

/** A name that a module exports. */
export interface SymbolNode {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

/** A module. */
export interface ModuleNode {
  readonly module_doc?: JsDoc;
  readonly symbols: readonly SymbolNode[];
}

/** What `deno.json` says of the package. */
export interface PackageConfig {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
}

/** The entry points of the package with what they export, in the order of `deno.json`. */
export async function readModules(
  { exports }: PackageConfig,
): Promise<[entry: string, ModuleNode][]> {
  const paths = Object.values(exports);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...paths],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, ModuleNode>;
  };
  const found = Object.entries(nodes);
  return Object.entries(exports).map(([entry, path]) => {
    const [, node] = found.find(([url]) => url.endsWith(path.slice(1)))!;
    return [entry, node];
  });
}
