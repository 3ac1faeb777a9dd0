import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, data, type Schemas } from '@/api/client';
import { readAmount } from '@/lib/decimal';
import { CopyButton } from '@/parts/copy_button';
import { Form, textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Input, Select } from '@/ui/field';
import type { Limiter } from './queries';

const fields = ['name', 'budget', 'window', 'base_url', 'models', 'code'];
const periods = ['minute', 'hour', 'day', 'week', 'month', 'year'];

function read(form: FormData): Schemas['NewLimiter'] {
  const text = textsOf(form);
  const models = text('models').split(/[\s,]+/).filter(Boolean);
  return {
    name: text('name'),
    budget: readAmount(text('budget')) ?? text('budget'),
    window: text('window'),
    ...(text('base_url') ? { base_url: text('base_url') } : {}),
    ...(text('code') ? { code: text('code') } : {}),
    ...(models.length > 0 ? { models } : {}),
  };
}

function Fields({ error }: { error: unknown }) {
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Input
        label="Name"
        name="name"
        required
        maxLength={200}
        placeholder="Customer A - $20/day"
        className="sm:col-span-2"
        error={errorOf(error, 'name')}
      />
      <Input
        label="Budget in US dollars"
        name="budget"
        inputMode="decimal"
        defaultValue="20"
        required
        error={errorOf(error, 'budget')}
      />
      <Select label="Period" name="window" defaultValue="day" error={errorOf(error, 'window')}>
        {periods.map((period) => (
          <option key={period} value={period}>
            per {period}
          </option>
        ))}
      </Select>
      <Input
        label="Base URL"
        name="base_url"
        list="base-urls"
        autoComplete="off"
        className="sm:col-span-2"
        hint="Where calls go, with the key of whoever calls. Empty: OpenAI, or what the configuration has for it."
        error={errorOf(error, 'base_url')}
      />
      <datalist id="base-urls">
        <option value="https://api.openai.com" />
        <option value="https://NAME.openai.azure.com" />
      </datalist>
      <Input
        label="Only these models"
        name="models"
        hint="Optional, such as gpt-4o-mini*."
        error={errorOf(error, 'models')}
      />
      <Input
        label="Code of your own"
        name="code"
        autoCapitalize="none"
        autoComplete="off"
        hint="Optional; else one that nobody guesses."
        error={errorOf(error, 'code')}
      />
    </div>
  );
}

function Made({ limiter, onClose }: { limiter: Limiter; onClose: () => void }) {
  const snippet = `from openai import OpenAI

client = OpenAI(
    api_key="your-openai-api-key",
    base_url="${limiter.endpoint}")`;
  return (
    <div className="space-y-4">
      <pre className="overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-xs" tabIndex={0}>
        {snippet}
      </pre>
      <div className="flex justify-end gap-2">
        <CopyButton text={limiter.endpoint} what="the endpoint" />
        <Button size="small" look="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}

export function CreateLimiter({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [made, setMade] = useState<Limiter | null>(null);
  const creating = useMutation({
    mutationFn: (form: FormData) => data(api.POST('/api/v1/limiters', { body: read(form) })),
    onSuccess: async (limiter) => {
      setMade(limiter);
      await queries.invalidateQueries({ queryKey: ['limiters'] });
    },
  });
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={made ? `${made.name} is ready` : 'New limiter'}
      description={
        made
          ? 'Clients change the base URL, and keep their own key.'
          : 'An endpoint with a budget, for clients with provider keys of their own.'
      }
    >
      {made ? (
        <Made limiter={made} onClose={onClose} />
      ) : (
        <Form sending={creating} verb="Create" fields={fields}>
          <Fields error={creating.error} />
        </Form>
      )}
    </Dialog>
  );
}
