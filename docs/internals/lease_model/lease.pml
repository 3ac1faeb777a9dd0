/* The lease protocol: two gateways, one store, a network that means harm and machines that die. README.md beside this
 * file says what is modelled, what is left out and what was found.
 *
 * Long because it is one page of rules: the state, what must hold, then who does what. An `atomic` with one `d_step` is
 * a step: it happens whole or not at all, and a crash falls between two of them.
 *
 *   -DCOUNTERS=1|2 -DAMOUNT=n -DAMOUNT_1=n   the limits that every call is counted on
 *   -DRESERVE=n -DCALLS=n                    a call's worst case on each of them, and how many calls there are
 *   -DCRASHES=n -DEXPIRIES=n                 how often fate strikes
 *   -DSTRUCK=1|2                             the first gateway alone, or either
 *   -DLIVE                                   faults stop at some time, and then the money must come back
 *   -DBROKEN=rule                            one rule is left out, and that must be noticed
 *   -DWATCH=property                         only by this one
 *   -DSHORTEST                               for a breadth-first search
 */
#ifndef COUNTERS
#define COUNTERS 1
#endif
#ifndef AMOUNT
#define AMOUNT 3
#endif
#ifndef AMOUNT_1
#define AMOUNT_1 AMOUNT
#endif
#ifndef RESERVE
#define RESERVE 2
#endif
#ifndef CALLS
#define CALLS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef EXPIRIES
#define EXPIRIES 1
#endif
#ifndef STRUCK
#define STRUCK 2
#endif
#ifndef GRANTED_MAX
#define GRANTED_MAX (AMOUNT + 1)  /* of one row, while there are faults: keeps the totals, and so the search, finite */
#endif
#define ROWS (1 + CRASHES + EXPIRIES)  /* of a gateway, one after the other */

/* The rules that can be left out. */
#define nothing                 0
#define epoch_at_store          1
#define epoch_at_gateway        2
#define grant_to_closed         3
#define return_to_closed        4
#define flush_to_closed         5
#define refund_after_sent       6
#define expiry_frees            7
#define return_is_a_delta       8
#define grant_is_a_delta        9
#define flush_counts_repeats   10
#define recovery_frees_open    11
#define recovery_in_two_steps  12
#define recovery_of_the_living 13
#define power_loss_ignored     14
#define send_before_record     15
#define credit_before_record   16
#define recall_takes_reserved  17
#define validity_from_reply    18
#define lost_grant_forgotten   19
#define recall_ignored         20
#define expired_not_settled    21
#define overrun_not_booked     22
#define undo_forgotten         23
#define reserve_in_part        24
#define grant_in_part          25
#define recall_takes_granted   26
#define waiter_keeps_its_part  27
#ifndef BROKEN
#define BROKEN nothing
#endif
#define broken(rule) (BROKEN == rule)

#ifdef SHORTEST
#define scratch         /* Spin's breadth-first search knows no hidden variables */
#else
#define scratch hidden  /* no part of the state */
#endif

/* ---- state ------------------------------------------------------------------------------------------------------- */

/* The store: a lease row for each gateway, incarnation and epoch. They follow each other, so one number `r` names both:
 * a recovery and an expiry each begin the gateway's next row. Totals only ever grow. */
mtype:life = { open, expired, closed };
typedef Row {
  mtype:life life;            /* 0: not begun */
  byte granted[COUNTERS];
  byte returned[COUNTERS];
  byte spent[COUNTERS];       /* of it, `beyond` was never leased */
  byte unresolved[COUNTERS];
  byte beyond[COUNTERS]
};
Row row[2 * ROWS];
byte newest[2];  /* of each gateway's rows: the one that may be granted on */

/* The store: the counters. An open row's remainder stands in `leased`, an expired one's in `unresolved`. */
byte spent[COUNTERS], leased[COUNTERS], unresolved[COUNTERS];

/* A gateway's side of a row. The totals are what its journal and its messages say. They outlive the process: a message
 * may be under way for as long as it likes. */
typedef Share {
  byte known[COUNTERS];       /* granted, as far as it has heard */
  byte free[COUNTERS];
  byte returned[COUNTERS];
  byte spent[COUNTERS];
  byte unresolved[COUNTERS];
  byte beyond[COUNTERS];
  byte wants[COUNTERS]        /* the grant request under way; zeros: there is none */
};
Share share[2 * ROWS];

/* A gateway's process, with one call at a time. */
mtype:health = { running, dead, recovered };
mtype:journal = { whole, doubtful, lost };  /* what a recovery finds: all; all, without proof; what was flushed */
mtype:stage = { idle, waiting, taken, recorded, sent, settled };
typedef Gateway {
  mtype:health health;
  bool valid;                 /* its own clock says that its leases have not expired */
  bool beats;                 /* the reply to a heartbeat is under way */
  byte first;                 /* of its rows: those before belong to dead incarnations */
  byte row;                   /* the newest that it has heard of; new calls are counted on it */
  mtype:journal journal;
  mtype:stage at;
  byte on;                    /* the row that the call is counted on */
  byte rest[COUNTERS]         /* settled: what goes back to the lease */
};
Gateway gateway[2];

/* What happened, whatever the books say. */
byte true_spent[COUNTERS];
byte true_unknown[COUNTERS];  /* it may have been sent, and what it cost nobody will ever know */
byte true_beyond[COUNTERS];   /* of true_spent: overruns that no lease covered */

byte calls = CALLS, crashes = CRASHES, expiries = EXPIRIES;
bool power_failed;
#ifdef LIVE
bool calm;     /* no more faults, no more new calls; messages arrive */
bool closing;  /* then the gateways shut down: what is idle goes back */
bool back;     /* and all of the money is */
#else
#define calm false
#define closing false
#endif

scratch byte c, k, from, some;  /* scratch, only within a step */

/* ---- words ------------------------------------------------------------------------------------------------------- */

#define ROW(n, r) row[(n) * ROWS + (r)]
#define SHARE(n, r) share[(n) * ROWS + (r)]
#define self gateway[n]
#define add(total, what) total = total + (what)
#define take(total, what) total = total - (what)
#define each_counter for (c : 0 .. COUNTERS - 1)

/* `p` is a word of (gateway, row, counter). */
#if COUNTERS == 1
#define every(p, n, r) (p(n, r, 0))
#define any(p, n, r) (p(n, r, 0))
#else
#define every(p, n, r) (p(n, r, 0) && p(n, r, 1))
#define any(p, n, r) (p(n, r, 0) || p(n, r, 1))
#endif
#if CRASHES + EXPIRIES == 0
#define rows(p, op, n, c) (p(n, 0, c))
#elif CRASHES + EXPIRIES == 1
#define rows(p, op, n, c) (p(n, 0, c) op p(n, 1, c))
#elif CRASHES + EXPIRIES == 2
#define rows(p, op, n, c) (p(n, 0, c) op p(n, 1, c) op p(n, 2, c))
#else
#define rows(p, op, n, c) (p(n, 0, c) op p(n, 1, c) op p(n, 2, c) op p(n, 3, c))
#endif
#define sum(p, c) (rows(p, +, 0, c) + rows(p, +, 1, c))
#define all_rows(p, c) (rows(p, &&, 0, c) && rows(p, &&, 1, c))

#define amount(c) ((c) == 0 -> AMOUNT : AMOUNT_1)
#define left(c) (amount(c) - spent[c] - leased[c] - unresolved[c])

/* The store's rows. */
#define consumed(n, r, c) (ROW(n, r).spent[c] + ROW(n, r).unresolved[c] - ROW(n, r).beyond[c])
#define remainder(n, r, c) (ROW(n, r).granted[c] - ROW(n, r).returned[c] - consumed(n, r, c))
#define open_remainder(n, r, c) (ROW(n, r).life == open -> remainder(n, r, c) : 0)
#define expired_remainder(n, r, c) (ROW(n, r).life == expired -> remainder(n, r, c) : 0)
#define row_spent(n, r, c) (ROW(n, r).spent[c])
#define row_unresolved(n, r, c) (ROW(n, r).unresolved[c])
#define listens(n, r) (ROW(n, r).life == open || ROW(n, r).life == expired)

/* A gateway and its call. */
#define alive(n) (gateway[n].health == running)
#define holds(n) (gateway[n].at == taken || gateway[n].at == recorded || gateway[n].at == sent)
#define in_hand(n, c) (holds(n) -> RESERVE - gateway[n].rest[c] : gateway[n].rest[c])
#define in_call(n, r, c) (gateway[n].on == (r) -> in_hand(n, c) : 0)
#define reserved(n, c) (alive(n) && holds(n) -> RESERVE - gateway[n].rest[c] : 0)
#define may_cost(n) (gateway[n].at == recorded || gateway[n].at == sent)
#define in_journal(n) (gateway[n].at == sent || (gateway[n].at == recorded && !broken(send_before_record)))
#define enough(n, r, c) (SHARE(n, r).free[c] >= RESERVE)
#define missing(n, r, c) (enough(n, r, c) -> 0 : RESERVE - SHARE(n, r).free[c])
#define idles(n, r, c) (SHARE(n, r).free[c] > 0)

/* What a message would change. */
#define wanted(n, r, c) (SHARE(n, r).wants[c] > 0)
#define fits(n, r, c) (SHARE(n, r).wants[c] <= left(c))
#define bounded(n, r, c) (ROW(n, r).granted[c] + missing(n, r, c) <= GRANTED_MAX)
#define unheard(n, r, c) (SHARE(n, r).known[c] < ROW(n, r).granted[c])
#define unreturned(n, r, c) (ROW(n, r).returned[c] < SHARE(n, r).returned[c])
#define unflushed(n, r, c) (ROW(n, r).spent[c] < SHARE(n, r).spent[c] || \
                            ROW(n, r).unresolved[c] < SHARE(n, r).unresolved[c])

/* ---- what must hold ---------------------------------------------------------------------------------------------- */

/* design.md, 2.1: at every instant, over all gateways, by what truly happened. */
#define never_over(c) (true_spent[c] + true_unknown[c] + reserved(0, c) + reserved(1, c) <= amount(c) + true_beyond[c])
/* The counters are the sums of their rows, and a row gives no more than it was granted. */
#define books(c) (spent[c] == sum(row_spent, c) && leased[c] == sum(open_remainder, c) && \
                  unresolved[c] == sum(row_unresolved, c) + sum(expired_remainder, c))
#define row_books(n, r, c) (ROW(n, r).returned[c] + consumed(n, r, c) <= ROW(n, r).granted[c])
/* What is booked as spent was spent. */
#define truth(c) (spent[c] <= true_spent[c])
/* What a gateway was granted is free, in its call, settled or given back. */
#define shares(n, r, c) (!alive(n) || (r) < gateway[n].first || \
    SHARE(n, r).known[c] == SHARE(n, r).free[c] + in_call(n, r, c) + SHARE(n, r).returned[c] + \
                            SHARE(n, r).spent[c] + SHARE(n, r).unresolved[c] - SHARE(n, r).beyond[c])

/* An assertion that fails says which of them it was; the last three stand in the steps below. */
#ifdef WATCH
#define UNWATCHED 1
#else
#define UNWATCHED 0
#endif
scratch byte never_over = UNWATCHED, books = UNWATCHED, truth = UNWATCHED, shares = UNWATCHED,
            closed_changes_nothing = UNWATCHED, nothing_new_on_expired = UNWATCHED, evidence_fits = UNWATCHED,
            no_livelock = UNWATCHED;

#define watch(c) \
  :: !never_over(c) -> assert(never_over); \
  :: !(books(c) && all_rows(row_books, c)) -> assert(books); \
  :: !truth(c) -> assert(truth); \
  :: !all_rows(shares, c) -> assert(shares)

proctype Auditor() {
end:
  do
  watch(0)
#if COUNTERS == 2
  watch(1)
#endif
  od
}

#define settled_up(c) (sum(expired_remainder, c) == 0 && \
    leased[c] == SHARE(0, gateway[0].row).free[c] + SHARE(1, gateway[1].row).free[c] && \
    (power_failed -> spent[c] + unresolved[c] + true_beyond[c] >= true_spent[c] + true_unknown[c] \
                   : spent[c] == true_spent[c] && unresolved[c] == true_unknown[c]))
#define at_rest (alive(0) && alive(1) && gateway[0].at == idle && gateway[1].at == idle && \
                 settled_up(0) && settled_up(COUNTERS - 1))

#ifdef LIVE
/* amount = left + leased + spent + unresolved, where all that is leased is free, all that was spent is booked, and
 * nothing is unresolved but what nobody can know; and after a shutdown nothing is leased. */
proctype Calm() {
  d_step {
    calm = true;
    for (k : 0 .. 2 * ROWS - 1) { each_counter { share[k].wants[c] = 0 } }
    gateway[0].beats = false;
    gateway[1].beats = false
  }
  at_rest -> closing = true;
  at_rest && leased[0] == 0 && leased[COUNTERS - 1] == 0 -> back = true
}
ltl money_comes_back { [] (calm -> <> back) }
#endif

/* ---- calls: one gateway ------------------------------------------------------------------------------------------ */

/* What comes back of a call, or of a grant, is free only on the newest row; on an older one it is the store's. */
inline give(n, r, what) {
  if
  :: (r) == self.row -> add(SHARE(n, r).free[c], what)
  :: else -> add(SHARE(n, r).returned[c], what)
  fi
}

inline credit(n) {
  each_counter { give(n, self.on, self.rest[c]); self.rest[c] = 0 }
  self.at = idle;
  self.on = 0
}

/* The settle's record. An overrun takes from what is free of its row; what is missing is booked beyond the lease. */
inline settle(n, cost, held) {
  each_counter {
    from = ((cost) > RESERVE -> (cost) - RESERVE : 0);
    some = (from < SHARE(n, self.on).free[c] -> from : SHARE(n, self.on).free[c]);
    take(SHARE(n, self.on).free[c], some);
    add(true_spent[c], cost);
    add(true_unknown[c], held);
    add(true_beyond[c], from - some);
    if
    :: broken(overrun_not_booked) -> add(SHARE(n, self.on).spent[c], (cost) - (from - some))
    :: else -> add(SHARE(n, self.on).spent[c], cost); add(SHARE(n, self.on).beyond[c], from - some)
    fi;
    add(SHARE(n, self.on).unresolved[c], held);
    self.rest[c] = ((cost) > RESERVE -> 0 : RESERVE - (cost) - (held))
  }
  self.at = settled
}

#define asks(n) (alive(n) && gateway[n].at == waiting && gateway[n].valid && !every(enough, n, gateway[n].row))
#define credited(n) (gateway[n].rest[0] > 0)  /* of a call that is sent: only with credit_before_record */

/* In calm a request and its reply are one step, of a gateway that has heard of all before. */
#define asks_now(n) (calm && asks(n) && gateway[n].row == newest[n] && !any(unheard, n, gateway[n].row))
#define missing_fits(n, r, c) (missing(n, r, c) <= left(c))
#define part_fits(n, r, c) (missing(n, r, c) > 0 && missing_fits(n, r, c))
#define reached(n, r, c) (spent[c] + unresolved[c] + RESERVE > amount(c))
#define only_leases_in_the_way(n) (asks_now(n) && !every(missing_fits, n, gateway[n].row))
/* What was granted to a waiting call is its reservation already. What it has of it before is not. */
#define is_kept(n) (gateway[n].at == waiting && \
    ((every(enough, n, gateway[n].row) && !broken(recall_takes_granted)) || broken(waiter_keeps_its_part)))
#define recalled(n) (only_leases_in_the_way(1 - n) && !broken(recall_ignored))

inline grant_now(n, what) {
  some = what;
  add(ROW(n, self.row).granted[c], some);
  add(leased[c], some);
  add(SHARE(n, self.row).known[c], some);
  add(SHARE(n, self.row).free[c], some);
  if
  :: ROW(n, self.row).granted[c] > 10 * AMOUNT -> assert(no_livelock)
  :: else
  fi
}

proctype Calls(byte n) {
end:
  do
  :: atomic { !calm && alive(n) && self.at == idle && calls > 0 -> d_step { calls--; self.at = waiting } }
  /* limit_busy: it has waited long enough. */
  :: atomic { !calm && alive(n) && self.at == waiting -> d_step { self.at = idle } }

  /* Asks the store: one message for all counters. To ask again is to repeat it. */
  :: atomic { !calm && asks(n) && !any(wanted, n, self.row) && every(bounded, n, self.row) -> d_step {
       each_counter { SHARE(n, self.row).wants[c] = missing(n, self.row, c) } skip } }
  :: atomic { asks_now(n) && every(missing_fits, n, self.row) -> d_step {
       each_counter { grant_now(n, missing(n, self.row, c)) } skip } }
  :: atomic { broken(grant_in_part) && asks_now(n) && part_fits(n, self.row, 0) -> d_step {
       c = 0;
       grant_now(n, missing(n, self.row, 0));
       skip } }
  :: atomic { broken(grant_in_part) && asks_now(n) && part_fits(n, self.row, COUNTERS - 1) -> d_step {
       c = COUNTERS - 1;
       grant_now(n, missing(n, self.row, c));
       skip } }
  /* limit_reached: waiting does not help. */
  :: atomic { asks_now(n) && any(reached, n, self.row) -> d_step { self.at = idle } }

  /* subtract, record, send: on all counters or on none. */
  :: atomic { alive(n) && self.at == waiting && self.valid && every(enough, n, self.row) -> d_step {
       if
       :: ROW(n, self.row).life != open -> assert(nothing_new_on_expired)
       :: else
       fi;
       each_counter { take(SHARE(n, self.row).free[c], RESERVE) }
       self.on = self.row;
       self.at = taken } }
  :: atomic { broken(reserve_in_part) && asks(n) && any(enough, n, self.row) -> d_step {
       each_counter {
         if
         :: enough(n, self.row, c) -> take(SHARE(n, self.row).free[c], RESERVE)
         :: else
         fi
       }
       self.on = self.row;
       self.at = taken } }
  :: atomic { broken(undo_forgotten) && asks(n) && enough(n, self.row, 0) -> d_step {
       take(SHARE(n, self.row).free[0], RESERVE) } }
  :: atomic { alive(n) && self.at == taken -> d_step { self.at = recorded } }
  :: atomic { alive(n) && self.at == recorded -> d_step { self.at = sent } }

  /* Not sent: all of it goes back. */
  :: atomic { alive(n) && self.at == taken -> d_step { each_counter { self.rest[c] = RESERVE } credit(n); skip } }
  :: atomic { alive(n) && self.at == recorded && !broken(send_before_record) -> d_step {
       each_counter { self.rest[c] = RESERVE }
       self.at = settled } }
  :: atomic { broken(refund_after_sent) && alive(n) && self.at == sent -> d_step {
       each_counter { add(true_unknown[c], RESERVE); self.rest[c] = RESERVE }
       self.at = settled } }

  /* Sent: it cost less, as much, more, or at least so much. */
  :: atomic { alive(n) && self.at == sent && !credited(n) -> d_step { settle(n, RESERVE - 1, 0); skip } }
  :: atomic { alive(n) && self.at == sent && !credited(n) -> d_step { settle(n, RESERVE, 0); skip } }
  :: atomic { alive(n) && self.at == sent && !credited(n) -> d_step { settle(n, RESERVE + 1, 0); skip } }
  :: atomic { alive(n) && self.at == sent && !credited(n) -> d_step { settle(n, RESERVE - 1, 1); skip } }
#if COUNTERS == 2
  :: atomic { alive(n) && self.at == sent && !credited(n) -> d_step { settle(n, RESERVE - (c == 1), 0); skip } }
#endif
  :: atomic { alive(n) && self.at == settled -> d_step { credit(n); skip } }
  :: atomic { broken(credit_before_record) && alive(n) && self.at == sent && !credited(n) -> d_step {
       each_counter { give(n, self.on, 1); self.rest[c] = 1 } skip } }
  :: atomic { broken(credit_before_record) && alive(n) && self.at == sent && credited(n) -> d_step {
       settle(n, RESERVE - 1, 0);
       each_counter { self.rest[c] = 0 }
       credit(n);
       skip } }

  /* What is idle goes back: when nobody touched it for a while, when another gateway needs it, at the end. */
  :: atomic { alive(n) && (any(idles, n, self.row) || (broken(recall_takes_reserved) && holds(n))) &&
              !is_kept(n) && (!calm || closing || recalled(n)) -> d_step {
       each_counter {
         add(SHARE(n, self.row).returned[c], SHARE(n, self.row).free[c]);
         SHARE(n, self.row).free[c] = 0;
         if
         :: broken(recall_takes_reserved) -> add(SHARE(n, self.row).returned[c], in_call(n, self.row, c))
         :: else
         fi
       } skip } }
  od
}

/* ---- the network: what is under way about one row, in any order, as often and as late as it likes ---------------- */

/* A message that would change nothing is left out, and a lost one is one that comes too late. */
#define grants_on(n, r) (ROW(n, r).life == open || (broken(epoch_at_store) && ROW(n, r).life == expired) || \
                         (broken(grant_to_closed) && ROW(n, r).life == closed))
#define takes_returns(n, r) (listens(n, r) || (broken(return_to_closed) && ROW(n, r).life == closed))
#define takes_flushes(n, r) ((listens(n, r) && !(broken(expired_not_settled) && ROW(n, r).life == expired)) || \
                             (broken(flush_to_closed) && ROW(n, r).life == closed))
#define covers_return(n, r, c) (SHARE(n, r).returned[c] > 0 && SHARE(n, r).returned[c] <= remainder(n, r, c))
#define covers_flush(n, r, c) (SHARE(n, r).spent[c] > 0 && SHARE(n, r).spent[c] <= remainder(n, r, c))
#define above_current(n, r, c) (ROW(n, r).granted[c] > SHARE(n, gateway[n].row).known[c])

inline changes(n, r) {
  if
  :: ROW(n, r).life == closed -> assert(closed_changes_nothing)
  :: else
  fi
}

inline leaves_row(n, r, what) {
  if
  :: ROW(n, r).life == expired -> take(unresolved[c], what)
  :: else -> take(leased[c], what)
  fi
}

inline adopt(n, r) {
  each_counter {
    some = ROW(n, r).granted[c] - SHARE(n, r).known[c];
    SHARE(n, r).known[c] = ROW(n, r).granted[c];
    give(n, r, some)
  }
}

/* Raises a row's totals to these: what is booked already changes nothing. */
inline book(n, r, new_spent, new_unresolved, new_beyond) {
  leaves_row(n, r, (new_spent) - ROW(n, r).spent[c] + (new_unresolved) - ROW(n, r).unresolved[c] -
                   ((new_beyond) - ROW(n, r).beyond[c]));
  add(spent[c], (new_spent) - ROW(n, r).spent[c]);
  add(unresolved[c], (new_unresolved) - ROW(n, r).unresolved[c]);
  ROW(n, r).spent[c] = new_spent;
  ROW(n, r).unresolved[c] = new_unresolved;
  ROW(n, r).beyond[c] = new_beyond
}

proctype Wire(byte n; byte r) {
end:
  do
  /* A grant request, to the store: in one transaction for all counters, or not at all. Its number, here the wants that
   * it leaves as zeros, keeps it from being granted twice. */
  :: atomic { !calm && any(wanted, n, r) && grants_on(n, r) && every(fits, n, r) -> d_step {
       changes(n, r);
       each_counter {
         add(ROW(n, r).granted[c], SHARE(n, r).wants[c]);
         add(leased[c], SHARE(n, r).wants[c]);
         SHARE(n, r).wants[c] = 0
       } skip } }

  /* Its reply: the row's total. In calm there is none under way: what was lost, the heartbeat brings. */
  :: atomic { !calm && alive(n) && r >= self.first && any(unheard, n, r) -> d_step { adopt(n, r); skip } }
  :: atomic { broken(grant_is_a_delta) && alive(n) && r == self.row &&
              !any(unheard, n, r) && !any(idles, n, r) -> d_step {
       each_counter { add(SHARE(n, r).known[c], ROW(n, r).granted[c]); SHARE(n, r).free[c] = ROW(n, r).granted[c] }
       skip } }
  :: atomic { broken(epoch_at_gateway) && alive(n) && r < self.row && any(above_current, n, r) -> d_step {
       each_counter {
         some = (above_current(n, r, c) -> ROW(n, r).granted[c] - SHARE(n, self.row).known[c] : 0);
         add(SHARE(n, self.row).known[c], some);
         add(SHARE(n, self.row).free[c], some)
       } skip } }

  /* A return, to the store. */
  :: atomic { takes_returns(n, r) && any(unreturned, n, r) -> d_step {
       changes(n, r);
       each_counter {
         some = (unreturned(n, r, c) -> SHARE(n, r).returned[c] - ROW(n, r).returned[c] : 0);
         leaves_row(n, r, some);
         add(ROW(n, r).returned[c], some)
       } skip } }
  :: atomic { broken(return_is_a_delta) && listens(n, r) && every(covers_return, n, r) -> d_step {
       each_counter { leaves_row(n, r, SHARE(n, r).returned[c]); add(ROW(n, r).returned[c], SHARE(n, r).returned[c]) }
       skip } }

  /* A flush, to the store: of a living process also for a row that has expired. */
  :: atomic { takes_flushes(n, r) && any(unflushed, n, r) -> d_step {
       changes(n, r);
       each_counter { book(n, r, SHARE(n, r).spent[c], SHARE(n, r).unresolved[c], SHARE(n, r).beyond[c]) }
       skip } }
  :: atomic { broken(flush_counts_repeats) && listens(n, r) &&
              !any(unflushed, n, r) && every(covers_flush, n, r) -> d_step {
       each_counter {
         book(n, r, ROW(n, r).spent[c] + SHARE(n, r).spent[c], ROW(n, r).unresolved[c], ROW(n, r).beyond[c])
       } skip } }
  od
}

/* ---- fate: time passes, machines die ----------------------------------------------------------------------------- */

/* The reply to a heartbeat lists the rows of the process. What it has not heard of, it adopts; what is free on a row
 * that expired goes back. */
inline hear(n) {
  self.row = newest[n];
  for (k : 0 .. ROWS - 1) {
    if
    :: k >= self.first && k <= self.row && !broken(lost_grant_forgotten) -> adopt(n, k)
    :: else
    fi;
    if
    :: k >= self.first && k < self.row -> each_counter { give(n, k, SHARE(n, k).free[c]); SHARE(n, k).free[c] = 0 }
    :: else
    fi
  }
  self.valid = true;
  self.beats = false
}

inline die(n, what_is_left) {
  crashes--;
  if
  :: alive(n) && may_cost(n) -> each_counter { add(true_unknown[c], RESERVE - self.rest[c]) }
  :: else
  fi;
  self.journal = what_is_left;
  if
  :: in_journal(n) && self.journal != lost
  :: else -> self.at = idle; self.on = 0
  fi;
  for (k : 0 .. ROWS - 1) {
    if
    :: k >= self.first -> each_counter { SHARE(n, k).known[c] = 0; SHARE(n, k).free[c] = 0 }
    :: else
    fi
  }
  each_counter { self.rest[c] = 0 }
  self.health = dead;
  self.valid = false;
  self.beats = false
}

/* What the journal says was settled is booked. With proof of death the open reservation becomes unresolved and the rest
 * is returned; without it all of the rest becomes unresolved. */
inline recover_row(n, r) {
  each_counter {
    if
    :: self.journal == lost && !broken(power_loss_ignored)
    :: else -> book(n, r, SHARE(n, r).spent[c], SHARE(n, r).unresolved[c], SHARE(n, r).beyond[c])
    fi;
    from = (in_journal(n) && self.on == r && !broken(recovery_frees_open) -> RESERVE : 0);
    if
    :: from > remainder(n, r, c) -> assert(evidence_fits)
    :: else
    fi;
    if
    :: self.journal == whole || broken(power_loss_ignored)
    :: else -> from = remainder(n, r, c)
    fi;
    some = remainder(n, r, c) - from;
    leaves_row(n, r, from + some);
    add(ROW(n, r).unresolved[c], from);
    add(unresolved[c], from);
    add(ROW(n, r).returned[c], some)
  }
}

inline close_rows(n) {
  for (k : 0 .. ROWS - 1) {
    if
    :: k < newest[n] && listens(n, k) -> ROW(n, k).life = closed
    :: else
    fi
  }
}

/* One transaction: books, closes for ever, begins the next incarnation's first row. */
inline recover(n) {
  for (k : 0 .. ROWS - 1) {
    if
    :: listens(n, k) -> recover_row(n, k)
    :: else
    fi
  }
  newest[n]++;
  ROW(n, newest[n]).life = open;
  if
  :: !broken(recovery_in_two_steps) -> close_rows(n)
  :: else
  fi
}

inline forget_journal(n) {
  self.at = idle;
  self.on = 0;
  self.journal = whole
}

proctype Fate(byte n) {
end:
  do
  :: atomic { !calm && alive(n) && !self.valid && !self.beats -> d_step { self.beats = true } }
  :: atomic { !calm && self.beats && !(broken(validity_from_reply) && newest[n] != self.row) -> d_step { hear(n) } }
  :: atomic { broken(validity_from_reply) && self.beats && newest[n] != self.row -> d_step {
       self.valid = true;
       self.beats = false } }
  :: atomic { calm && alive(n) && ((!self.valid || self.row != newest[n]) ||
                                   (any(unheard, n, self.row) && !broken(lost_grant_forgotten))) -> d_step { hear(n) } }

  /* Time: the gateway's validity ends. It counts from before the heartbeat was sent, so a reply that comes later renews
   * nothing. Only then may the store let the leases expire, and that frees nothing. */
  :: atomic { !calm && expiries > 0 && n < STRUCK &&
              (self.valid || (self.beats && !broken(validity_from_reply))) -> d_step {
       self.valid = false;
       self.beats = self.beats && broken(validity_from_reply) } }
  :: atomic { !calm && expiries > 0 && n < STRUCK &&
              !self.valid && (!self.beats || broken(validity_from_reply)) -> d_step {
       expiries--;
       each_counter {
         some = remainder(n, newest[n], c);
         take(leased[c], some);
         add(unresolved[c], (broken(expiry_frees) -> 0 : some))
       }
       ROW(n, newest[n]).life = expired;
       newest[n]++;
       ROW(n, newest[n]).life = open } }

  /* kill -9: the journal is whole. Power loss: there is no proof that it is, and what was not flushed may be gone. */
  :: atomic { !calm && crashes > 0 && n < STRUCK && self.health != dead -> d_step { die(n, whole) } }
  :: atomic { !calm && crashes > 0 && n < STRUCK && alive(n) -> d_step { power_failed = true; die(n, doubtful) } }
  :: atomic { !calm && crashes > 0 && n < STRUCK && alive(n) -> d_step { power_failed = true; die(n, lost) } }

  /* The same machine comes up again. Its death is proven: it holds the journal's lock. */
  :: atomic { self.health == dead -> d_step {
       recover(n);
       self.first = newest[n];
       self.health = recovered;
       if
       :: !broken(recovery_in_two_steps) -> forget_journal(n)
       :: else
       fi } }
  :: atomic { self.health == recovered -> d_step {
       if
       :: broken(recovery_in_two_steps) -> close_rows(n); forget_journal(n)
       :: else
       fi;
       self.health = running;
       self.valid = true;
       self.row = newest[n] } }
  :: atomic { broken(recovery_of_the_living) && alive(n) && crashes > 0 -> d_step { crashes--; recover(n); skip } }
  od
}

init {
  atomic {
    for (k : 0 .. 1) {
      ROW(k, 0).life = open;
      gateway[k].health = running;
      gateway[k].valid = true;
      gateway[k].journal = whole;
      gateway[k].at = idle
    }
#ifdef WATCH
    WATCH = 0;
#endif
    run Calls(0); run Calls(1);
    for (k : 0 .. ROWS - 1) { run Wire(0, k); run Wire(1, k) }
    run Fate(0); run Fate(1);
    run Auditor();
#ifdef LIVE
    run Calm()
#endif
  }
}
