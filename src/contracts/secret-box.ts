/** Keeps short secrets so that the database alone does not give them. `of` names what the secret belongs to: sealed for one, it opens for no other. Throws when the key is not the one it was sealed with. */
export type SecretBox = {
  seal(secret: string, of: string): Buffer;
  open(sealed: Buffer, of: string): string;
};
