'use client';

import { useEffect, useState } from 'react';

const CALLS = [
  ['Orders, through Kong', 'GET', '/api/orders'],
  ['Stock, directly', 'GET', '/api/stock'],
  ['Fill the stock', 'POST', '/api/stock'],
] as const;

export function Calls() {
  const [answer, setAnswer] = useState('');
  // A button does nothing before React has taken the page over.
  const [isReady, setReady] = useState(false);
  useEffect(() => setReady(true), []);
  const call = async (method: string, path: string) => {
    setAnswer('');
    const response = await fetch(path, { method });
    setAnswer(`${response.status} ${await response.text()}`);
  };
  return (
    <section>
      {CALLS.map(([title, method, path]) => (
        <button key={title} disabled={!isReady} onClick={() => void call(method, path)}>
          {title}
        </button>
      ))}
      <pre aria-live="polite">{answer}</pre>
    </section>
  );
}
