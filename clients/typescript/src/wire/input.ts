import type { Message } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** What a caller may give for a message: every field optional, a time as `Date` or `Timestamp`. */
export type Input<T extends Message> = {
  readonly [K in keyof T as K extends "$unknown" ? never : K]?: K extends "$typeName"
    ? T[K]
    : FieldInput<T[K]> | undefined;
};

/** What a caller may give for one field of type `F`. */
export type FieldInput<F> = F extends Timestamp
  ? Date | Timestamp
  : F extends string | number | boolean | bigint | Uint8Array | undefined
    ? F
    : F extends readonly (infer E)[]
      ? readonly FieldInput<E>[]
      : F extends Message
        ? Input<F>
        : F extends { case: infer C extends string; value: infer V }
          ? { readonly case: C; readonly value: FieldInput<V> }
          : F extends { case: undefined }
            ? { readonly case: undefined; readonly value?: undefined }
            : { readonly [K in keyof F]: FieldInput<F[K]> };
