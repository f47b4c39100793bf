import { headers } from 'next/headers';
import { stockGatekeeper } from '../lib/gatekeeper';
import { settings } from '../lib/settings';
import { Calls } from './calls';

/** Every page decides for itself: what a layout, a middleware or another page found is not asked. */
export default async function Page({ searchParams }: { searchParams: Promise<{ login?: string }> }) {
  const request = new Request(settings.origin, { headers: await headers() });
  const decision = await stockGatekeeper().decide(request);
  if (decision.outcome === 'refuse') {
    const { login } = await searchParams;
    return (
      <main>
        <h1>Sign in</h1>
        {login === 'failed' && <p role="alert">Unknown user or wrong password.</p>}
        <form method="post" action="/login">
          <label>
            User <input name="user" autoComplete="username" required />
          </label>
          <label>
            Password <input name="password" type="password" autoComplete="current-password" required />
          </label>
          <button>Sign in</button>
        </form>
        <Calls />
      </main>
    );
  }
  return (
    <main>
      <h1>Hello, {String(decision.claims?.name ?? decision.claims?.sub)}</h1>
      <form method="post" action="/logout">
        <button>Sign out</button>
      </form>
      <Calls />
    </main>
  );
}
