import { useState } from 'react';
import type { Schemas } from '@/api/client';
import { inWords } from '@/lib/window';
import { AmountInput, NameInput } from '@/parts/fields';
import { amountOf, Form, textsOf, wordsOf } from '@/parts/form';
import { useSession } from '@/session';
import { Dialog } from '@/ui/dialog';
import {
  BaseUrlInput,
  callFields,
  DeploymentsInput,
  deploymentsInWords,
  ModelsInput,
  ProviderInput,
  readDeployments,
} from './limiter_fields';
import { type Limiter, mayDirect, useChange } from './queries';

/** Only what differs: what somebody else changed meanwhile stays as it is. */
function changesOf(before: Limiter, form: FormData): Schemas['LimiterEdit'] {
  const text = textsOf(form);
  const edit: Schemas['LimiterEdit'] = {};
  if (text('name') !== before.name) edit.name = text('name');
  if (amountOf(form, 'budget') !== before.budget) edit.budget = amountOf(form, 'budget');
  const models = wordsOf(form, 'models');
  if (models.join() !== before.models.join()) edit.models = models;
  const deployments = readDeployments(form);
  if (deploymentsInWords(deployments) !== deploymentsInWords(before.deployments)) edit.deployments = deployments;
  if (form.has('base_url') && text('base_url') !== before.base_url) edit.base_url = text('base_url');
  if (form.has('provider') && text('provider') !== before.provider) edit.provider = text('provider');
  return edit;
}

export function EditLimiter({ limiter, onClose }: { limiter: Limiter; onClose: () => void }) {
  // As it was when the dialog opened, whatever comes of it while somebody types.
  const [before] = useState(limiter);
  const directs = mayDirect(useSession());
  const saving = useChange(before.id, (form: FormData) => changesOf(before, form), onClose);
  const { error } = saving;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Change ${before.name}`}
      description="In force from the next call on; what was spent stays spent. Its code and its period do not change."
    >
      <Form sending={saving} verb="Change" fields={['name', 'budget', ...callFields]}>
        <div className="grid gap-3 sm:grid-cols-2">
          <NameInput defaultValue={before.name} className="sm:col-span-2" failure={error} />
          <AmountInput
            label={`Budget in US dollars ${inWords(before.window)}`}
            name="budget"
            defaultValue={before.budget}
            className={directs ? '' : 'sm:col-span-2'}
            failure={error}
          />
          {directs && <ProviderInput before={before} error={error} />}
          {directs && <BaseUrlInput before={before} error={error} />}
          <ModelsInput before={before} error={error} />
          <DeploymentsInput before={before} error={error} />
        </div>
      </Form>
    </Dialog>
  );
}
