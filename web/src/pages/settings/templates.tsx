import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { api, data } from '@/api/client';
import { inUnit } from '@/lib/decimal';
import { inWords } from '@/lib/window';
import { Empty } from '@/parts/empty';
import { AccountName } from '@/parts/names';
import { Pager, usePages } from '@/parts/pager';
import { ProblemNote } from '@/parts/problem';
import { percentagesOf } from '@/parts/threshold_fields';
import { EditTemplate, NewTemplate, RemoveTemplate, type Template } from '@/pages/accounts/template_dialogs';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';

const pageSize = 20;

/** Which accounts have a copy of it. */
function Whose({ template }: { template: Template }) {
  const { account, level } = template;
  if (!account) return level === 1 ? 'accounts with none above them' : `accounts on level ${level} from the top`;
  return (
    <>
      accounts {level === 1 ? 'right below' : `${level} levels below`} <AccountName id={account} />
    </>
  );
}

/** What is more to say of it. */
function termsOf({ thresholds, model, route, tag, status, clamp }: Template): string[] {
  const warns = percentagesOf(thresholds, 'warn');
  const blocks = percentagesOf(thresholds, 'block');
  return [
    warns && `warns at ${warns} %`,
    blocks && `blocks at ${blocks} %`,
    model && `model ${model}`,
    route && `route ${route}`,
    tag && `tag ${tag}`,
    status === 429 && 'refuses with 429',
    !clamp && 'shortens no answer',
  ].filter((text) => typeof text === 'string' && text !== '') as string[];
}

function Item({ template, mayChange }: { template: Template; mayChange: boolean }) {
  const [doing, setDoing] = useState<'edit' | 'remove' | null>(null);
  const close = () => setDoing(null);
  return (
    <li data-template={template.id} className="py-4 first:pt-0 last:pb-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h3 className="font-medium break-words">{template.name}</h3>
        {template.mode === 'shadow' && <Badge>only counts</Badge>}
        {template.admission === 'lazy' && <Badge>lazy</Badge>}
        {mayChange && (
          <div className="ml-auto flex gap-2">
            <Button size="small" onClick={() => setDoing('edit')} aria-label={`Change ${template.name}`}>
              Change
            </Button>
            <Button
              size="small"
              look="danger"
              onClick={() => setDoing('remove')}
              aria-label={`Remove ${template.name}`}
            >
              Remove
            </Button>
          </div>
        )}
      </div>
      <p className="mt-1 text-sm">
        At most <span className="tabular-nums">{inUnit(template.amount, template.unit)}</span>{' '}
        {inWords(template.window)}
        {template.time_zone && template.time_zone !== 'UTC' && ` (${template.time_zone})`}, for{' '}
        <Whose template={template} />
      </p>
      <p className="mt-0.5 flex flex-wrap gap-x-3 text-xs text-muted">
        <span data-number="copies">{template.limits === 1 ? 'one copy' : `${template.limits} copies`}</span>
        {termsOf(template).map((text) => (
          <span key={text}>{text}</span>
        ))}
      </p>
      {doing === 'edit' && <EditTemplate template={template} onClose={close} />}
      <RemoveTemplate template={template} open={doing === 'remove'} onClose={close} />
    </li>
  );
}

/** The limits that accounts have which have none of their own. */
export function Templates({ mayChange }: { mayChange: boolean }) {
  const pages = usePages();
  const [creating, setCreating] = useState(false);
  const { cursor } = pages;
  const templates = useQuery({
    queryKey: ['templates', 'page', cursor],
    queryFn: () => {
      const query = { limit: pageSize, ...(cursor ? { cursor } : {}) };
      return data(api.GET('/api/v1/limit-templates', { params: { query } }));
    },
    placeholderData: (before) => before,
  });
  const found = templates.data;
  const create = mayChange && (
    <Button size="small" onClick={() => setCreating(true)}>
      <Plus />
      New template
    </Button>
  );
  return (
    <Card
      title="Limit templates"
      note="A limit for each account of a level that has none of its own."
      actions={create}
    >
      {templates.error && <ProblemNote error={templates.error} retry={() => void templates.refetch()} />}
      {templates.isPending && <Skeleton />}
      {found?.data.length === 0 && (
        <Empty title="There is no template">
          {mayChange && 'With one, no account is without a limit, not even one that is created tomorrow.'}
        </Empty>
      )}
      {found && found.data.length > 0 && (
        <ul className="divide-y divide-line">
          {found.data.map((template) => (
            <Item key={template.id} template={template} mayChange={mayChange} />
          ))}
        </ul>
      )}
      {found && <Pager pages={pages} next={found.next} />}
      {creating && <NewTemplate onClose={() => setCreating(false)} />}
    </Card>
  );
}
