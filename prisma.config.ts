import { defineConfig } from 'prisma/config';

// Read by the Prisma command line alone; the product hands its address to the client. The env() helper would refuse to generate without one.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_ADMIN_URL'] ?? '' },
});
