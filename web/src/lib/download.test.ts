import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from './download.ts';

test('a cell that would break a row is quoted', () => {
  assert.equal(toCsv([['a,b', 'say "hi"', 'two\nlines', null, 7]]), '"a,b","say ""hi""","two\nlines",,7\r\n');
});

test('a name that a spreadsheet would run is only shown, and a number below zero stays one', () => {
  assert.equal(toCsv([['=1+1', '@sum', '+1', '-cmd', '-0.5']]), "'=1+1,'@sum,'+1,'-cmd,-0.5\r\n");
});
