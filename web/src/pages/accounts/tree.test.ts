import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account } from '@/api/client';
import { isWithin, rowsOf } from './tree.ts';

const account = (id: string, name: string, parent: string | null = null) =>
  ({ id, name, parent, external_id: `ext-${id}` }) as Account;
const accounts = [account('3', 'User', '2'), account('2', 'team', '1'), account('1', 'b'), account('4', 'a')];
const shown = (rows: ReturnType<typeof rowsOf>) => rows.map((row) => `${' '.repeat(row.depth)}${row.account.name}`);

test('accounts stand below their parents, by name', () => {
  assert.deepEqual(shown(rowsOf(accounts, new Set(['1', '2']), '')), ['a', 'b', ' team', '  User']);
});

test('what is closed hides all below it', () => {
  assert.deepEqual(shown(rowsOf(accounts, new Set(['2']), '')), ['a', 'b']);
});

test('a search finds by name, id and external id, wherever it stands', () => {
  assert.deepEqual(shown(rowsOf(accounts, new Set(), 'USE')), ['User']);
  assert.deepEqual(shown(rowsOf(accounts, new Set(), 'ext-2')), ['team']);
});

test('who does not see the account above sees its children as roots', () => {
  assert.deepEqual(shown(rowsOf([account('3', 'user', '2')], new Set(), '')), ['user']);
});

test('an account is within itself and what is above it', () => {
  for (const top of ['1', '2', '3']) assert.equal(isWithin(accounts, '3', top), true, top);
  for (const [id, top] of [
    ['2', '3'],
    ['4', '1'],
    ['unknown', '1'],
  ] as const)
    assert.equal(isWithin(accounts, id, top), false);
});
