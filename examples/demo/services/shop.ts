import type { Pages } from './naive-service';

/** The orders service. It never asks whether the caller is who they are: that has been settled. */
export const ORDERS_PAGES: Pages = {
  '/orders': (caller) => ({ greeting: `Your orders, ${caller?.name ?? 'stranger'}.`, orders: ['teapot', 'watch'] }),
  '/catalog': (caller) => ({
    greeting: caller === undefined ? 'Welcome, whoever you are.' : `Welcome back, ${caller.name ?? caller.id}.`,
    catalog: ['teapot', 'watch', 'rabbit hole'],
  }),
};

/** The administrators' service. That only administrators get here is the gateway's business. */
export const ADMIN_PAGES: Pages = {
  '/admin': (caller) => ({ greeting: `Administrator ${caller?.id ?? 'unknown'}, the shop is yours.` }),
  '/internal': () => ({ orders_today: 2 }),
};
