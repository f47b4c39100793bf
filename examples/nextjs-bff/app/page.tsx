import { Shop } from './shop';

export default async function Page({ searchParams }: { searchParams: Promise<{ login?: string | string[] }> }) {
  const { login } = await searchParams;
  return <Shop problem={typeof login === 'string' ? login : undefined} />;
}
