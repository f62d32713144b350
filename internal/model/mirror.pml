/*
 * Mirrors: waiters that are granted the lock by a copy of its queue, which they keep by a
 * watch. rwlock.pml has all else of the protocol. See docs/protocol.md#mirrors.
 *
 * Events take any time to arrive, in the order of revisions. A watch can break, and then
 * loses those that have not arrived.
 */
#ifndef N
#define N 3 /* clients, 4 at most */
#endif
#ifndef ROUNDS
#define ROUNDS 2 /* requests of each */
#endif
#ifndef FAULTS
#define FAULTS 1 /* watches that break and keys that somebody deletes, together */
#endif
#define EVENTS 7 /* more cannot be on their way */
#define READ 1
#define WRITE 2

byte revision;
byte key[4];         /* create revisions of the requests in etcd */
byte mode[4];
byte copy[4 * 4];    /* of each client: what it knows of key */
bool watching[4];
chan events[4] = [EVENTS] of { byte, byte, byte }; /* whose key, its create revision or 0, revision */
byte holds[4];
byte faults;

#define COPY(c, k) copy[(c) * 4 + (k)]

inline tell(who) {
  k = 0;
  do
  :: k < N ->
    if
    :: watching[k] -> events[k] ! who, key[who], revision
    :: else
    fi;
    k++
  :: else -> break
  od;
  k = 0
}

inline forget(c) {
  do
  :: nempty(events[c]) -> events[c] ? _, _, _
  :: empty(events[c]) -> break
  od
}

/* ahead sets blocked to whether a request in the copy, or in etcd, excludes that of c. */
inline ahead(c, r, inCopy) {
  blocked = false;
  k = 0;
  do
  :: k < N ->
    seen = (inCopy -> COPY(c, k) : key[k]);
    if
    :: k != c && seen && seen < r && (mode[c] == WRITE || mode[k] == WRITE) -> blocked = true
    :: else
    fi;
    k++
  :: else -> break
  od;
  k = 0;
  seen = 0
}

proctype Client(byte c) {
  byte round, r, k, seen, who, created, at, read;
  bool blocked;
  do
  :: round == ROUNDS -> break
  :: atomic {
      round < ROUNDS ->
      round++;
      if
      :: mode[c] = READ
      :: mode[c] = WRITE
      fi;
      revision++;
      key[c] = revision;
      r = revision;
      tell(c);
      ahead(c, r, false)
    }
    if
    :: !blocked -> goto granted
    :: else
    fi;
watch:
    skip;
#ifdef MUTANT_READ_BEFORE_THE_WATCH
    d_step {
      k = 0;
      do
      :: k < N -> COPY(c, k) = key[k]; k++
      :: else -> break
      od;
      k = 0;
      read = revision
    }
    d_step { forget(c); watching[c] = true }
#else
    d_step { forget(c); watching[c] = true }
    d_step { /* the leader is read once the watch is open */
      k = 0;
      do
      :: k < N -> COPY(c, k) = key[k]; k++
      :: else -> break
      od;
      k = 0;
      read = revision
    }
#endif
    do
    :: d_step {
        COPY(c, c) == r -> ahead(c, r, true)
      }
      if
      :: !blocked -> break
      :: else
      fi;
next:
      if
      :: atomic {
          events[c] ? who, created, at ->
          if
          :: at <= read /* it is in what was read */
          :: else -> COPY(c, who) = created
          fi;
          who = 0; created = 0; at = 0
        }
      :: atomic { faults < FAULTS -> faults++; watching[c] = false; forget(c) }
#ifdef MUTANT_A_BREAK_IS_IGNORED
        watching[c] = true;
        goto next
#else
        goto watch
#endif
      fi
    :: COPY(c, c) != r -> goto left /* somebody has deleted the key */
    od;
granted:
    skip;
    d_step {
      watching[c] = false;
      forget(c);
      if
      :: key[c] == r -> /* unless somebody has deleted it meanwhile */
        ahead(c, r, false);
        assert(!blocked);
        holds[c] = r
      :: else
      fi
    }
    holds[c] = 0;
left:
    atomic {
      watching[c] = false;
      forget(c);
      if
      :: key[c] == r -> key[c] = 0; revision++; tell(c)
      :: else
      fi
    }
  od
}

/* Somebody deletes keys. */
proctype Administrator() {
  byte k, who;
  do
  :: atomic {
      faults < FAULTS ->
      faults++;
      who = 0;
      do
      :: who < N - 1 -> who++
      :: break
      od;
      if
      :: key[who] -> key[who] = 0; holds[who] = 0; revision++; tell(who)
      :: else
      fi
    }
  :: break
  od
}

init {
  byte c;
  atomic {
    do
    :: c < N -> run Client(c); c++
    :: else -> break
    od;
    run Administrator()
  }
}
