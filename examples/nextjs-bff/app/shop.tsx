'use client';

import { useEffect, useState } from 'react';

const CALLS = [
  ['Orders', 'GET', '/api/orders'],
  ['Stock', 'GET', '/api/stock'],
  ['Fill the stock', 'POST', '/api/stock'],
] as const;

export function Shop() {
  /** Who is signed in; `undefined` until the server has said so, which is when React has taken the page over. */
  const [user, setUser] = useState<string | null>();
  const [answer, setAnswer] = useState('');
  const [events, setEvents] = useState<string[]>([]);
  useEffect(() => {
    void fetch('/session')
      .then((response) => response.json())
      .then((session: { user: string | null }) => setUser(session.user));
  }, []);

  const show = async (call: Promise<Response>) => {
    setAnswer('');
    const response = await call;
    setAnswer(`${response.status} ${await response.text()}`);
  };
  const listen = () => {
    setEvents([]);
    const source = new EventSource('/api/orders/events');
    source.onmessage = ({ data }) => setEvents((before) => [...before, String(data)]);
    source.onerror = () => source.close();
  };

  return (
    <main>
      {user === null && (
        <>
          <h1>Welcome</h1>
          <a href="/login?return_to=/">Sign in</a>
        </>
      )}
      {typeof user === 'string' && (
        <>
          <h1>Hello, {user}</h1>
          <form method="post" action="/logout">
            <button>Sign out</button>
          </form>
        </>
      )}
      <section>
        {CALLS.map(([title, method, path]) => (
          <button key={title} disabled={user === undefined} onClick={() => void show(fetch(path, { method }))}>
            {title}
          </button>
        ))}
        <button disabled={user === undefined} onClick={listen}>
          Listen
        </button>
        <input
          type="file"
          aria-label="Upload"
          onChange={({ target }) =>
            void show(fetch('/api/orders/upload', { method: 'POST', body: target.files?.[0] ?? null }))
          }
        />
        <pre aria-live="polite">{answer}</pre>
        <ol>
          {events.map((event) => (
            <li key={event}>{event}</li>
          ))}
        </ol>
      </section>
    </main>
  );
}
