// What a limiter is made of besides its budget, for those that are made and those that are changed.
import type { Schemas } from '@/api/client';
import { Problem } from '@/api/problem';
import { wordsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { Input } from '@/ui/field';

type Deployments = Schemas['Deployments'];

export const callFields = ['base_url', 'provider', 'models', 'deployments'];

/** As a person writes them: `our-gpt=gpt-4o, our-mini=gpt-4o-mini`. */
export function readDeployments(form: FormData): Deployments {
  const pairs = wordsOf(form, 'deployments').map((word) => {
    const [name, model, ...more] = word.split('=');
    if (name && model && more.length === 0) return [name, model];
    throw new Problem(400, `'${word}' is no deployment with its model, such as our-gpt=gpt-4o`, 'deployments');
  });
  return Object.fromEntries(pairs) as Deployments;
}

export function deploymentsInWords(deployments: Deployments): string {
  return Object.entries(deployments)
    .map(([name, model]) => `${name}=${model}`)
    .join(', ');
}

type Before = Partial<Pick<Schemas['Limiter'], 'base_url' | 'provider' | 'models' | 'deployments'>>;

export function ModelsInput({ before = {}, error }: { before?: Before; error: unknown }) {
  return (
    <Input
      label="Only these models"
      name="models"
      autoComplete="off"
      defaultValue={before.models?.join(', ')}
      placeholder="gpt-4o-mini*"
      className="sm:col-span-2"
      hint="Empty: every model."
      error={errorOf(error, 'models')}
    />
  );
}

export function DeploymentsInput({ before = {}, error }: { before?: Before; error: unknown }) {
  return (
    <Input
      label="Deployments"
      name="deployments"
      autoComplete="off"
      defaultValue={deploymentsInWords(before.deployments ?? {})}
      placeholder="our-gpt=gpt-4o"
      className="sm:col-span-2"
      hint="At Azure: the model behind each that is not called as its model."
      error={errorOf(error, 'deployments')}
    />
  );
}

/** Where calls go is decided by who answers for the gateway's network. */
export function BaseUrlInput({ before = {}, error }: { before?: Before; error: unknown }) {
  const fresh = before.base_url === undefined;
  const otherwise = ' Empty: OpenAI, or what the configuration has for it.';
  return (
    <>
      <Input
        label="Base URL"
        name="base_url"
        list="base-urls"
        autoComplete="off"
        defaultValue={before.base_url}
        required={!fresh}
        className="sm:col-span-2"
        hint={`Where calls go, with the key of whoever calls.${fresh ? otherwise : ''}`}
        error={errorOf(error, 'base_url')}
      />
      <datalist id="base-urls">
        <option value="https://api.openai.com" />
        <option value="https://NAME.openai.azure.com" />
      </datalist>
    </>
  );
}

export function ProviderInput({ before = {}, error }: { before?: Before; error: unknown }) {
  return (
    <Input
      label="Provider"
      name="provider"
      autoCapitalize="none"
      autoComplete="off"
      defaultValue={before.provider}
      required={before.provider !== undefined}
      placeholder="openai"
      hint={before.provider === undefined ? "Whose dialect is spoken there. Empty: the host's own." : undefined}
      error={errorOf(error, 'provider')}
    />
  );
}
