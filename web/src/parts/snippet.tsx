import { Tabs } from '@/ui/tabs';
import { CopyButton } from './copy_button';

function Code({ text }: { text: string }) {
  return (
    <div>
      <pre className="overflow-x-auto rounded-lg bg-sunken p-3 text-left font-mono text-xs" tabIndex={0}>
        {text}
      </pre>
      <div className="mt-2 flex justify-end">
        <CopyButton text={text} what="the snippet" />
      </div>
    </div>
  );
}

// The proxy listens on its own port; 8080 is what it is unless the configuration says otherwise.
const proxy = () => `${window.location.protocol}//${window.location.hostname}:8080/v1`;

/** A first call through the proxy, in three languages. `secret`: the key's, where it is just known. */
export function CallSnippet({ secret = 'mg_live_…', model = 'gpt-4o-mini' }: { secret?: string; model?: string }) {
  const curl = `curl ${proxy()}/chat/completions \\
  -H "Authorization: Bearer ${secret}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`;
  const python = `from openai import OpenAI

client = OpenAI(base_url="${proxy()}", api_key="${secret}")
reply = client.chat.completions.create(
    model="${model}", messages=[{"role": "user", "content": "Hello"}])
print(reply.choices[0].message.content)`;
  const javascript = `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${proxy()}', apiKey: '${secret}' });
const reply = await client.chat.completions.create({
  model: '${model}', messages: [{ role: 'user', content: 'Hello' }] });
console.log(reply.choices[0].message.content);`;
  return (
    <div>
      <Tabs
        label="Language"
        tabs={[
          { id: 'curl', name: 'curl', content: <Code text={curl} /> },
          { id: 'python', name: 'Python', content: <Code text={python} /> },
          { id: 'javascript', name: 'JavaScript', content: <Code text={javascript} /> },
        ]}
      />
      <p className="text-left text-xs text-muted">
        Port 8080 is where the proxy listens unless <code>listen</code> in your configuration says otherwise.
      </p>
    </div>
  );
}
