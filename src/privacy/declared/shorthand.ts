import type { Access, ColumnDeclaration } from "../declaration.ts";
import type { Category, LegalBasis, Purpose, Recipient } from "../vocabulary.ts";

/** Columns and accesses that many tables share. */
function column(category: Category, purpose: Purpose, basis: LegalBasis): ColumnDeclaration {
  return { category, purpose, basis };
}

export const id = column("Identifier", "ServiceProvision", "contract");
export const account = column("Profile", "AccountManagement", "contract");
export const role = column("GroupMembership", "AccountManagement", "contract");
export const name = column("Name", "AccountManagement", "contract");
export const contact = column("EmailAddress", "AccountManagement", "contract");
export const preference = column("Profile", "ServicePersonalisation", "contract");
export const language = column("Language", "ServicePersonalisation", "contract");
export const mail = column("Communication", "CommunicationManagement", "contract");
export const entrusted = column("SecretText", "ServiceProvision", "contract");
export const transaction = column("Transaction", "PaymentManagement", "legal-obligation");
export const secretHash = column("Authenticating", "IdentityAuthentication", "contract");

export const device = column("DeviceOperatingSystem", "ServiceUsageAnalytics", "legitimate-interests");
export const software = column("DeviceSoftware", "ServiceUsageAnalytics", "legitimate-interests");
export const usage = column("ServiceConsumptionBehavior", "ServiceUsageAnalytics", "legitimate-interests");
export const fault = column("DeviceSoftware", "RepairImpairments", "legitimate-interests");
export const attempt = column("AuthenticationHistory", "EnforceSecurity", "legitimate-interests");
export const suspect = column("Identifier", "EnforceSecurity", "legitimate-interests");
export const visit = column("BrowsingBehavior", "ServiceUsageAnalytics", "legitimate-interests");

export const evidence = column("Behavioral", "RecordManagement", "legal-obligation");
export const request = column("Communication", "RightsFulfillment", "legal-obligation");
export const requester = column("Identifier", "RightsFulfillment", "legal-obligation");

export const operational = column("NonPersonalData", "TechnicalServiceProvision", "none");
export const receipt = column("NonPersonalData", "RecordManagement", "none");
export const aggregate = column("AnonymisedData", "ServiceUsageAnalytics", "none");
/** `expires_at`: kept because, and as long as, the row is. */
export const retention = column("NonPersonalData", "LegalCompliance", "legal-obligation");

/** Whatever is stored in Postgres passes through the one and lies with the other. */
export const processors = ["cloudflare", "neon"] as const satisfies readonly Recipient[];

export const reads = (columns?: readonly string[]): Access => ({
  command: "select",
  reach: "entered-tenant",
  ...(columns && { columns }),
});
/** As `reads` and `adds`, also for whoever administers the tenant without opening its data. */
export const readsTarget: Access = { command: "select", reach: "entered-target" };
export const addsTarget: Access = { command: "insert", reach: "entered-target" };
export const adds: Access = { command: "insert", reach: "entered-tenant" };
export const changes = (...columns: string[]): Access => ({ command: "update", reach: "entered-tenant", columns });
export const seesAll: Access = { command: "select", reach: "all" };
export const addsAny: Access = { command: "insert", reach: "all" };
/** Ends that a trigger or a function of `ebb_maint` sets. */
export const ends = (...columns: string[]): Access => ({ command: "update", reach: "all", columns });
/** What `ebb_maint` needs where a row's end follows from the subscription's. */
export const seesAndEnds: readonly Access[] = [seesAll, ends("subscription_ended_at")];
