import { Hono } from "hono";
import {
  authenticateAccount,
  authenticateAccountOrUser,
  authenticateInstance,
  authenticateUser,
} from "./access/authenticate.ts";
import { refusalNoter } from "./access/note-refusal.ts";
import type { Deps } from "./deps.ts";
import { takePublic } from "./gate/platform.ts";
import { healthCheck } from "./health/check.ts";
import { type Authenticators, mountRoutes } from "./http/mount.ts";
import { networkOf } from "./http/network.ts";
import type { RouteDefinition } from "./http/route.ts";
import { auditRoutes } from "./http/routes/api-audit.ts";
import { brandRoutes } from "./http/routes/api-brand.ts";
import { eventRoutes } from "./http/routes/api-events.ts";
import { tenantHealthRoutes } from "./http/routes/api-health.ts";
import { holdRoutes } from "./http/routes/api-holds.ts";
import { identityProviderRoutes } from "./http/routes/api-identity-providers.ts";
import { instanceAccountRoutes } from "./http/routes/api-instances.ts";
import { invitationRoutes } from "./http/routes/api-invitations.ts";
import { keyRoutes } from "./http/routes/api-keys.ts";
import { limitRoutes } from "./http/routes/api-limits.ts";
import { memberRoutes } from "./http/routes/api-members.ts";
import { personRoutes } from "./http/routes/api-person.ts";
import { registrationKeyRoutes } from "./http/routes/api-registration-keys.ts";
import { retentionRoutes } from "./http/routes/api-retention.ts";
import { signInsRoutes } from "./http/routes/api-sign-ins.ts";
import { subscriptionRoutes } from "./http/routes/api-subscriptions.ts";
import { teamRoutes } from "./http/routes/api-team.ts";
import { tenantStatusRoutes } from "./http/routes/api-tenant-status.ts";
import { tenantRoutes } from "./http/routes/api-tenants.ts";
import { tokenRoutes } from "./http/routes/api-tokens.ts";
import { usageRoutes } from "./http/routes/api-usage.ts";
import { userRoutes } from "./http/routes/api-user.ts";
import { voucherRoutes } from "./http/routes/api-vouchers.ts";
import { windowRoutes } from "./http/routes/api-windows.ts";
import { workspaceRoutes } from "./http/routes/api-workspaces.ts";
import { consentRoutes } from "./http/routes/consent.ts";
import { devicePageRoutes } from "./http/routes/device.ts";
import { healthRoutes } from "./http/routes/healthz.ts";
import { instanceRoutes } from "./http/routes/instance.ts";
import { instanceLeaseRoutes } from "./http/routes/instance-lease.ts";
import { instanceUserRoutes } from "./http/routes/instance-user.ts";
import { metaRoutes } from "./http/routes/meta.ts";
import { authorizeRoutes } from "./http/routes/oauth2-authorize.ts";
import { deviceRoutes } from "./http/routes/oauth2-device.ts";
import { introspectRoutes } from "./http/routes/oauth2-introspect.ts";
import { registerRoutes } from "./http/routes/oauth2-register.ts";
import { tokenEndpointRoutes } from "./http/routes/oauth2-token.ts";
import { signInRoutes } from "./http/routes/sign-in.ts";
import { wellKnownRoutes } from "./http/routes/well-known.ts";
import { countryOf } from "./http/whence.ts";

export const VERSION = "0.1.0";

/** Every route, by URL prefix. */
export function routesOf(deps: Pick<Deps, "jobs" | "clock">): RouteDefinition[] {
  const routes = [
    ...instanceRoutes,
    ...registerRoutes,
    ...tokenEndpointRoutes,
    ...deviceRoutes,
    ...authorizeRoutes,
    ...introspectRoutes,
    ...instanceUserRoutes,
    ...instanceLeaseRoutes,
    ...instanceAccountRoutes,
    ...signInsRoutes,
    ...userRoutes,
    ...teamRoutes,
    ...workspaceRoutes,
    ...voucherRoutes,
    ...keyRoutes,
    ...tokenRoutes,
    ...registrationKeyRoutes,
    ...tenantRoutes,
    ...tenantStatusRoutes,
    ...subscriptionRoutes,
    ...brandRoutes,
    ...memberRoutes,
    ...invitationRoutes,
    ...auditRoutes,
    ...eventRoutes,
    ...limitRoutes,
    ...usageRoutes,
    ...tenantHealthRoutes,
    ...retentionRoutes,
    ...holdRoutes,
    ...windowRoutes,
    ...identityProviderRoutes,
    ...personRoutes,
    ...signInRoutes,
    ...devicePageRoutes,
    ...consentRoutes,
    ...wellKnownRoutes,
    ...healthRoutes(healthCheck(deps.jobs, deps.clock)),
  ];
  return [...routes, ...metaRoutes(routes, VERSION)];
}

/** The product behind `fetch`. */
export function createApp(deps: Deps): Hono {
  const app = new Hono();
  const authenticators: Authenticators = {
    "instance-token": authenticateInstance,
    "user-token": authenticateUser,
    account: authenticateAccount,
    "account-or-user": authenticateAccountOrUser,
    public: (request, { gates, random }, requestId) => takePublic({ gates, random }, requestId, networkOf(request)),
  };
  mountRoutes(app, routesOf(deps), deps, authenticators, refusalNoter(countryOf));
  return app;
}
