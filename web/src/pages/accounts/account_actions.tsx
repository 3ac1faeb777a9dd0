import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { type Account, api, data } from '@/api/client';
import { Confirm } from '@/parts/confirm';
import { Button } from '@/ui/button';
import { madeOfAccounts } from './change';
import { EditAccount } from './edit_account';
import { MoveAccount } from './move_account';

interface Asked {
  account: Account;
  open: boolean;
  onClose: () => void;
}

function Suspend({ account, open, onClose }: Asked) {
  const queries = useQueryClient();
  const path = { params: { path: { id: account.id } } };
  const active = account.status === 'active';
  const turn = async () => {
    await data(
      active ? api.POST('/api/v1/accounts/{id}/suspend', path) : api.POST('/api/v1/accounts/{id}/activate', path),
    );
    await queries.invalidateQueries({ queryKey: ['accounts'] });
    await queries.invalidateQueries({ queryKey: ['account'] });
  };
  return (
    <Confirm
      open={open}
      onOpenChange={onClose}
      title={active ? `Suspend ${account.name}?` : `Activate ${account.name}?`}
      description={
        active
          ? 'Its keys, and those of all accounts below it, are refused from the next request on. It can be undone.'
          : 'Its keys, and those of the accounts below it, work again from the next request on.'
      }
      verb={active ? 'Suspend it' : 'Activate it'}
      act={turn}
    />
  );
}

function Delete({ account, open, onClose }: Asked) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = async () => {
    await api.DELETE('/api/v1/accounts/{id}', { params: { path: { id: account.id } } });
    // First the list, so that it is not there for a moment with what is gone.
    await queries.invalidateQueries({ queryKey: ['accounts'] });
    await navigate('/accounts');
    for (const name of madeOfAccounts) void queries.invalidateQueries({ queryKey: [name] });
  };
  return (
    <Confirm
      open={open}
      onOpenChange={onClose}
      title={`Delete ${account.name}?`}
      description={
        'For good: its keys are revoked, and your own id of it is free again. What it spent stays counted, on the ' +
        'accounts above it too, and its usage records stay.'
      }
      verb="Delete the account"
      act={remove}
    />
  );
}

/** `seesAll`: how an account is called, where it stands and how it pays is set by who sees all accounts. */
export function AccountActions({ account, seesAll }: { account: Account; seesAll: boolean }) {
  const [doing, setDoing] = useState<'edit' | 'move' | 'suspend' | 'delete' | null>(null);
  const close = () => setDoing(null);
  const active = account.status === 'active';
  return (
    <>
      {seesAll && <Button onClick={() => setDoing('edit')}>Edit</Button>}
      {seesAll && <Button onClick={() => setDoing('move')}>Move</Button>}
      <Button look={active ? 'danger' : 'primary'} onClick={() => setDoing('suspend')}>
        {active ? 'Suspend' : 'Activate'}
      </Button>
      <Button look="danger" onClick={() => setDoing('delete')}>
        Delete
      </Button>
      {doing === 'edit' && <EditAccount account={account} onClose={close} />}
      {doing === 'move' && <MoveAccount account={account} onClose={close} />}
      <Suspend account={account} open={doing === 'suspend'} onClose={close} />
      <Delete account={account} open={doing === 'delete'} onClose={close} />
    </>
  );
}
