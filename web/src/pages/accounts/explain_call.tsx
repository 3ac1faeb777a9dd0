import { useMutation } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { api, data, type Key, type Schemas } from '@/api/client';
import { useSettings, useUsage } from '@/api/queries';
import { may } from '@/api/session';
import { Form, textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { useSession } from '@/session';
import { Dialog } from '@/ui/dialog';
import { Input, Select, Textarea } from '@/ui/field';
import { type Explanation, ExplanationOf, HoldQuote, type Question } from './explanation';

const fields = ['model', 'max_tokens', 'messages', 'input_tokens', 'route', 'tags'];

interface Answer {
  question: Question;
  found: Explanation;
  /** Null: the caller may not ask for a quote. */
  expected: Schemas['ExpectedCost'] | null;
}

function read(key: string, form: FormData): Question {
  const text = textsOf(form);
  return {
    key,
    model: text('model'),
    ...(text('max_tokens') ? { max_tokens: Number(text('max_tokens')) } : {}),
    ...(text('input_tokens') ? { input_tokens: Number(text('input_tokens')) } : {}),
    ...(text('prompt') ? { messages: [{ role: 'user', content: text('prompt') }] } : {}),
    ...(text('route') ? { route: text('route') } : {}),
    ...(text('tags') ? { tags: text('tags') } : {}),
  };
}

async function ask(question: Question, mayQuote: boolean): Promise<Answer> {
  const [found, quote] = await Promise.all([
    data(api.POST('/api/v1/explain', { body: question })),
    mayQuote ? data(api.POST('/api/v1/quote', { body: question })) : null,
  ]);
  return { question, found, expected: quote?.expected ?? null };
}

function Fields({ error }: { error: unknown }) {
  const models = useUsage('model');
  const routes = useSettings().data?.routes ?? [];
  const list = useId();
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Input label="Model" name="model" list={list} autoComplete="off" required error={errorOf(error, 'model')} />
      <datalist id={list}>
        {models.data?.map((model) => model.group && <option key={model.group} value={model.group} />)}
      </datalist>
      <Input
        label="Longest answer in tokens"
        name="max_tokens"
        type="number"
        min={1}
        hint="Empty: the model's most."
        error={errorOf(error, 'max_tokens')}
      />
      <Textarea
        label="Prompt"
        name="prompt"
        rows={3}
        className="sm:col-span-2"
        hint="As text, which is bounded by its bytes; or leave it empty and say how many tokens it has."
        error={errorOf(error, 'messages')}
      />
      <Input
        label="Prompt in tokens"
        name="input_tokens"
        type="number"
        min={0}
        error={errorOf(error, 'input_tokens')}
      />
      <Input
        label="Tags"
        name="tags"
        placeholder="team=search"
        hint="Optional; the key's own come to them."
        error={errorOf(error, 'tags')}
      />
      {routes.length > 1 && (
        <Select label="Route" name="route" className="sm:col-span-2" error={errorOf(error, 'route')}>
          {routes.map((route) => (
            <option key={route} value={route}>
              {route}
            </option>
          ))}
        </Select>
      )}
    </div>
  );
}

/** Says what a call with a key would cost, and what each limit would say to it. */
export function ExplainCall({ of, onClose }: { of: Key; onClose: () => void }) {
  const mayQuote = may(useSession(), 'operator');
  const [held, setHeld] = useState(false);
  const asking = useMutation({
    mutationFn: async (form: FormData) => ask(read(of.id, form), mayQuote),
    onMutate: () => setHeld(false),
  });
  const answer = asking.data;
  const admitted = answer?.found.verdict.startsWith('admitted');
  return (
    <Dialog
      open
      onOpenChange={onClose}
      keep={held}
      className="max-w-2xl"
      title={`What would a call with ${of.name} cost?`}
      description={
        'By the code that decides over calls, from the numbers of this moment. To ask holds nothing: another call ' +
        'may take the money before yours comes.'
      }
    >
      <Form sending={asking} verb="Ask" fields={fields}>
        <Fields error={asking.error} />
      </Form>
      {answer && (
        <div className="mt-4 space-y-4">
          <ExplanationOf found={answer.found} expected={answer.expected} held={held} />
          {mayQuote && admitted && (
            <HoldQuote key={asking.submittedAt} question={answer.question} onHeld={() => setHeld(true)} />
          )}
        </div>
      )}
    </Dialog>
  );
}
