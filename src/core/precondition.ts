/**
 * What must be so of a thing before it is changed (RFC 9110 section 13.1). Its verb calls this with the thing as it is,
 * inside the transaction and once nobody else can change it; throws the Problem `precondition-failed`.
 */
export type Precondition<T> = (current: T) => Promise<void>;
