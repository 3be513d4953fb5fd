import type { Access, ColumnDeclaration } from "../declaration.ts";

/** Columns and accesses that many tables share. */
export const id: ColumnDeclaration = { category: "identifier", purpose: "provide-the-service", basis: "contract" };
export const account: ColumnDeclaration = {
  category: "account-data",
  purpose: "provide-the-service",
  basis: "contract",
};
export const name: ColumnDeclaration = { category: "name", purpose: "provide-the-service", basis: "contract" };
export const contact: ColumnDeclaration = {
  category: "contact-data",
  purpose: "provide-the-service",
  basis: "contract",
};
export const device: ColumnDeclaration = {
  category: "device-data",
  purpose: "service-statistics",
  basis: "legitimate-interests",
};
export const usage: ColumnDeclaration = {
  category: "usage-data",
  purpose: "service-statistics",
  basis: "legitimate-interests",
};
export const secretHash: ColumnDeclaration = {
  category: "authentication-secret-hash",
  purpose: "security",
  basis: "contract",
};
export const evidence: ColumnDeclaration = {
  category: "audit-record",
  purpose: "accountability",
  basis: "legal-obligation",
};
export const operational: ColumnDeclaration = {
  category: "operational",
  purpose: "provide-the-service",
  basis: "none",
};
export const retention: ColumnDeclaration = {
  category: "operational",
  purpose: "retention",
  basis: "legal-obligation",
};

export const reads = (columns?: readonly string[]): Access => ({
  command: "select",
  reach: "entered-tenant",
  ...(columns && { columns }),
});
export const adds: Access = { command: "insert", reach: "entered-tenant" };
export const changes = (...columns: string[]): Access => ({ command: "update", reach: "entered-tenant", columns });
export const seesAll: Access = { command: "select", reach: "all" };
export const addsAny: Access = { command: "insert", reach: "all" };
