import { z } from 'zod';
import { ibanHolds, luhnHolds } from './check-digits.ts';
import { pictureProblem } from './picture.ts';

const text = z.string().trim().min(1).max(200);

/** Where somebody is; `electronic` is where e-invoices go, as `0007:5560000001` (scheme of the EAS list, colon, identifier). */
export const addressSchema = z.strictObject({
  street: text.exactOptional(),
  line2: text.exactOptional(),
  postalCode: text.exactOptional(),
  city: text.exactOptional(),
  region: text.exactOptional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'must be an ISO 3166 code such as SE')
    .exactOptional(),
  electronic: z
    .string()
    .regex(/^[0-9]{4}:[A-Za-z0-9.-]{1,50}$/, 'must be scheme and identifier, such as 0007:5560000001')
    .exactOptional(),
});

/** Bytes of a logo: 100 kB, which base64 makes a third more. */
const longestLogo = 136_534;
const isPicture = (text: string) => text.startsWith('iVBORw0KGg') || text.startsWith('/9j/');

/** What stands on a legal entity's documents beside its name and numbers. */
export const letterheadSchema = z.strictObject({
  address: addressSchema.exactOptional(),
  /** PNG or JPEG as base64, drawn above the name. */
  logo: z.base64().max(longestLogo, 'must be at most 100 kB').refine(isPicture, 'must be a PNG or a JPEG').exactOptional(),
  seat: text.exactOptional(),
  email: z.email().max(200).exactOptional(),
  phone: text.exactOptional(),
  website: text.exactOptional(),
  /** Approved for F-skatt (Sweden). */
  fTax: z.boolean().exactOptional(),
  bankgiro: z
    .string()
    .regex(/^\d{7,8}$/, 'must be 7 or 8 digits without the hyphen')
    .refine(luhnHolds, 'has a wrong check digit')
    .exactOptional(),
  iban: z
    .string()
    .regex(/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/, { error: 'must be an IBAN without spaces', abort: true })
    .refine(ibanHolds, 'has wrong check digits')
    .exactOptional(),
  bic: z
    .string()
    .regex(/^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$/, 'must be a BIC')
    .exactOptional(),
});
export type Letterhead = z.infer<typeof letterheadSchema>;

/** A letterhead as it is set up: its logo has to be a picture that can be drawn. What is kept already is read by `letterheadSchema`, and `verify` names it. */
export const newLetterheadSchema = letterheadSchema.extend({
  logo: letterheadSchema.shape.logo
    .unwrap()
    .superRefine((text, context) => {
      const problem = logoProblem({ logo: text });
      if (problem !== undefined) context.addIssue({ code: 'custom', message: `the picture ${problem}: export it again as PNG or JPEG` });
    })
    .exactOptional(),
});

/** Why the logo of a letterhead cannot be drawn; undefined without one, and when it can. */
export function logoProblem({ logo }: Pick<Letterhead, 'logo'>): string | undefined {
  return logo === undefined ? undefined : pictureProblem(Buffer.from(logo, 'base64'));
}
