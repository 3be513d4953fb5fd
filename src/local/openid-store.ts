interface Stored {
  payload: Record<string, unknown> & { grantId?: string; uid?: string; consumed?: number };
  endsAtMs: number;
}

/**
 * What the local OpenID provider remembers, in memory and until it ends: its sign-ins are of minutes. Its own store does
 * the same, and warns of it in words that are meant for production.
 */
export function openIdStore(): (model: string) => object {
  const rows = new Map<string, Stored>();
  const now = () => Math.floor(Date.now() / 1000);
  return (model) => {
    const key = (id: string) => `${model} ${id}`;
    const live = (stored: Stored | undefined) =>
      stored !== undefined && stored.endsAtMs > Date.now() ? stored.payload : undefined;
    const matching = (wanted: (payload: Stored["payload"]) => boolean) =>
      [...rows].filter(([name, { payload }]) => name.startsWith(`${model} `) && wanted(payload));
    return {
      upsert: async (id: string, payload: Stored["payload"], expiresInS?: number) => {
        rows.set(key(id), { payload, endsAtMs: Date.now() + (expiresInS ?? 86_400) * 1000 });
      },
      find: async (id: string) => live(rows.get(key(id))),
      findByUid: async (uid: string) => live(matching((payload) => payload.uid === uid)[0]?.[1]),
      findByUserCode: async () => undefined,
      consume: async (id: string) => {
        const stored = rows.get(key(id));
        if (stored !== undefined) stored.payload.consumed = now();
      },
      destroy: async (id: string) => void rows.delete(key(id)),
      revokeByGrantId: async (grantId: string) => {
        for (const [name] of matching((payload) => payload.grantId === grantId)) rows.delete(name);
      },
    };
  };
}
