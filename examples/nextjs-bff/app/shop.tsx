'use client';

import { useEffect, useState } from 'react';

const CALLS = [
  ['Orders', 'GET', '/api/orders'],
  ['Stock', 'GET', '/api/stock'],
  ['Fill the stock', 'POST', '/api/stock'],
] as const;

/** What the callback found wrong with a login, in words for the person who tried. */
const PROBLEMS: Readonly<Record<string, string>> = {
  unknown: 'This login was not begun here, or took too long. Please sign in again.',
  failed: 'The login did not work. Please try again.',
  too_long:
    'Your account has more roles or groups than a session can hold. Please ask its administrator to remove some.',
};

export function Shop({ problem }: { problem: string | undefined }) {
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
      {problem !== undefined && Object.hasOwn(PROBLEMS, problem) && <p role="alert">{PROBLEMS[problem]}</p>}
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
