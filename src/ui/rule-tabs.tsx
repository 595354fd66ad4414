const tabs = [
  ['/rules', 'Exclusions'],
  ['/rules/previews', 'Previews'],
  ['/rules/documents', 'Documents'],
  ['/rules/release', 'Release'],
  ['/rules/standing-approvals', 'Standing approvals'],
] as const;

/** The kinds of standing rules, with the one that is looked at. */
export const RuleTabs = ({ at }: { readonly at: (typeof tabs)[number][0] }) => (
  <nav class="tabs" aria-label="Kinds of rules">
    {tabs.map(([path, text]) => (
      <a href={path} {...(path === at ? { 'aria-current': 'page' } : {})}>
        {text}
      </a>
    ))}
  </nav>
);
