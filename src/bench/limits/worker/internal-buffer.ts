/** Stands for a module of workerd's own that Miniflare's code imports, and that is the same inside. */
export { Buffer } from "node:buffer";
