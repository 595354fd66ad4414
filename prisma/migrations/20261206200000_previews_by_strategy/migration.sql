-- By which strategy an account was billed in a preview: it may have another one by now. Unknown of earlier builds.
ALTER TABLE preview_account ADD COLUMN strategy text;
