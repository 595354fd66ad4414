import { z } from 'zod';

const column = z.string().trim().min(1).max(100);
const dayFormats = ['YYYY-MM-DD', 'YYYY/MM/DD', 'YYYYMMDD', 'DD.MM.YYYY', 'DD/MM/YYYY', 'DD-MM-YYYY', 'MM/DD/YYYY'] as const;
const monthFormats = ['YYYY-MM', 'YYYY/MM', 'YYYYMM', 'MM.YYYY', 'MM/YYYY', 'MM-YYYY'] as const;

/** How a statement file of a source is laid out: a CSV with a header that says, by day or month and by party where it tells, how many CDRs there were, their energy and what they cost. */
export const statementLayoutSchema = z
  .strictObject({
    per: z.enum(['day', 'month']).meta({ description: 'What is totalled. Lines of days count into their month where it is `month`.' }),
    columns: z.strictObject({
      on: column.meta({ description: 'Column of the day or month.' }),
      count: column.exactOptional().meta({ description: 'Left out: each line is one CDR.' }),
      energy: column,
      amount: column.exactOptional().meta({ description: 'What the CDRs cost, excluding VAT.' }),
      currency: column.exactOptional(),
      party: z
        .union([column, z.strictObject({ country: column, party: column })])
        .exactOptional()
        .meta({ description: 'Owner of the CDRs, in one column (`NO*NRD`, `NO-NRD`, `NONRD`) or two. Left out: all parties together.' }),
    }),
    dateFormat: z.enum([...dayFormats, ...monthFormats]).meta({ description: 'A time behind the date is left out.' }),
    energyUnit: z.enum(['Wh', 'kWh', 'MWh']).default('kWh'),
    decimal: z.enum(['.', ',']).default('.'),
    grouping: z.enum(['', '.', ',', ' ', "'"]).default('').meta({ description: 'Between thousands.' }),
    delimiter: z.enum([',', ';', '\t', '|']).exactOptional().meta({ description: 'Left out: `;` or `,`, as the header has more of.' }),
    skipLines: z.int().min(0).max(50).default(0).meta({ description: 'Lines before the header.' }),
    encoding: z.enum(['utf-8', 'windows-1252']).default('utf-8'),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'ISO 4217, upper case')
      .exactOptional()
      .meta({ description: 'Of all amounts, where no column tells.' }),
    origin: z
      .string()
      .regex(/^[a-zA-Z][a-zA-Z0-9]{0,39}$/, 'letters and digits')
      .default('hub'),
  })
  .refine((l) => l.grouping !== l.decimal, 'grouping and decimal cannot be the same')
  .refine((l) => l.per === 'month' || (dayFormats as readonly string[]).includes(l.dateFormat), 'per day wants a dateFormat with the day')
  .refine((l) => l.columns.amount === undefined || (l.columns.currency === undefined) !== (l.currency === undefined), 'an amount wants a currency: its column, or the one of all');
export type StatementLayout = z.infer<typeof statementLayoutSchema>;
