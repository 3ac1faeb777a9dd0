import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bpsInPercent, dollars, inUnit, minus, percent, plain, readAmount, readBps, share, sum } from './decimal.ts';

test('dollars keep every place, and have at least two', () => {
  assert.equal(dollars('0.0001475'), '$0.0001475');
  assert.equal(dollars('3'), '$3.00');
  assert.equal(dollars('1234567.5'), '$1,234,567.50');
  assert.equal(dollars('-0.000000001'), '−$0.000000001');
  assert.equal(dollars('9007199254740993.000000001'), '$9,007,199,254,740,993.000000001');
});

test('sums are exact where binary fractions are not', () => {
  assert.equal(sum(['0.1', '0.2']), '0.3');
  assert.equal(sum(Array.from({ length: 1000 }, () => '0.000000001')), '0.000001');
  assert.equal(minus('0.3', '0.1'), '0.2');
  assert.equal(sum([]), '0');
});

test('what is not all is never shown as all, nor what is something as nothing', () => {
  assert.equal(percent('9.9999999', '10'), '99.99 %');
  assert.equal(percent('10', '10'), '100 %');
  assert.equal(percent('0.0009', '10'), '< 0.01 %');
  assert.equal(percent('0', '0'), '0 %');
  assert.equal(percent('1', '0'), '100 %');
});

test('a share is between nothing and all', () => {
  assert.equal(share('5', '10'), 0.5);
  assert.equal(share('11', '10'), 1);
  assert.equal(share('-1', '10'), 0);
  assert.equal(share('1', '0'), 1);
});

test('counters have their thousands apart and their unit beside them', () => {
  assert.equal(plain(1234567), '1,234,567');
  assert.equal(inUnit('100000', 'input_tokens'), '100,000 input tokens');
  assert.equal(inUnit('1', 'requests'), '1 request');
  assert.equal(inUnit('2.5', 'usd'), '$2.50');
});

test('an amount is read as it is written, and nothing else is one', () => {
  assert.equal(readAmount(' $1,000.50 '), '1000.50');
  for (const text of ['', 'ten', '1e3', '-1', '1.', '.5', '0x10']) assert.equal(readAmount(text), undefined);
});

test('basis points are shown and read as percentages, without rounding', () => {
  for (const [bps, text] of [
    [0, '0'],
    [1, '0.01'],
    [29, '0.29'],
    [250, '2.5'],
    [1_000_000, '10000'],
  ] as const) {
    assert.equal(bpsInPercent(bps), text);
    assert.equal(readBps(text), bps);
  }
  assert.equal(readBps(' 1.15 % '), 115);
  for (const text of ['', 'five', '-1', '2.555', '1e2', '9'.repeat(20)]) assert.equal(readBps(text), undefined);
});
