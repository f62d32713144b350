/*
 * The protocol of package rwlock, for the model checker Spin. docs/protocol.md explains the
 * protocol; docs/proof.md says what is checked with which bounds, and has the list of mutants:
 * each takes out one line that the protocol needs (the macros MUTANT_...), and Spin must find
 * what breaks then.
 *
 * A client is a session. It makes ROUNDS requests on NAMES locks. etcd is one state that
 * changes in atomic steps, since its transactions and reads are linearizable; that members lag
 * is in when a client learns of a change: an event can take any time. Messages are lost by
 * choice. Time is not in the model; what it orders is: a client ends its session before etcd
 * ends the lease, unless the client's process is stopped.
 */

#ifndef N
#define N 3 /* clients */
#endif
#ifndef NAMES
#define NAMES 1
#endif
#ifndef ROUNDS
#define ROUNDS 1 /* requests of each client */
#endif
#ifndef FAULTS
#define FAULTS 1 /* lost messages, contexts and sessions that end, stopped processes, revoked leases, together */
#endif
#ifndef PASSES
#define PASSES 2 /* holds of one request in a local queue, those while it was kept too */
#endif

#define MOST 4 /* clients */
#define READ 1
#define WRITE 2
#define AT(c, n) ((c) * NAMES + (n))

/* etcd: the create revisions of the keys, 0 where there is none. */
byte revision;
byte readKey[MOST * NAMES];
byte writeKey[MOST * NAMES];
bool lease[MOST];

/* The clients, as each knows itself. */
bool alive[N];          /* its session, by its own clock */
byte holds[MOST * NAMES];  /* 0, READ or WRITE */
byte token[MOST * NAMES];  /* of the hold */
byte kept[N];           /* create revision of the request that is kept, and not used */
bool stopped[N];        /* its process */

/* What the checks know. */
bool excused[N];        /* its key was deleted by somebody else, which it will learn */
byte known[NAMES];      /* largest token that anybody has looked at, of writers */
byte knownRead[NAMES];  /* of readers */
byte used[NAMES];       /* largest token that the resource has seen, of writers */
bool waits[N];
byte overtaken[N];      /* holds that others were passed, or took over from what they keep, while it waits */
byte faults;
byte over;              /* clients that have ended */

inline deleteKeys(c) {
  d_step {
    k = 0;
    do
    :: k < NAMES -> readKey[AT(c, k)] = 0; writeKey[AT(c, k)] = 0; k++
    :: else -> break
    od;
    k = 0
  }
}

/* lookAhead sets last to the create revision of the last request for name n that one in the
 * mode with create revision r has to wait for, or to 0. */
inline lookAhead(c, n, mode, r) {
  d_step {
    last = 0;
    k = 0;
    do
    :: k < N ->
      if
#ifdef MUTANT_READERS_OVERTAKE
      :: k != c && writeKey[AT(k, n)] > last && writeKey[AT(k, n)] < r && (mode == WRITE || holds[AT(k, n)]) -> last = writeKey[AT(k, n)]
#else
      :: k != c && writeKey[AT(k, n)] > last && writeKey[AT(k, n)] < r -> last = writeKey[AT(k, n)]
#endif
      :: else
      fi;
      if
      :: k != c && mode == WRITE && readKey[AT(k, n)] > last && readKey[AT(k, n)] < r -> last = readKey[AT(k, n)]
      :: else
      fi;
      k++
    :: else -> break
    od;
    k = 0
  }
}

/* Whether a request of another client for name n has create revision r, and whether there is
 * any. */
#define HAS(k, c, n, r) (k != c && (writeKey[AT(k, n)] == r || readKey[AT(k, n)] == r))
#define PRESENT(c, n, r) (HAS(0, c, n, r) || HAS(1, c, n, r) || HAS(2, c, n, r) || HAS(3, c, n, r))
#define ANY(k, c, n) (k != c && (writeKey[AT(k, n)] || readKey[AT(k, n)]))
#define WANTED(c, n) (ANY(0, c, n) || ANY(1, c, n) || ANY(2, c, n) || ANY(3, c, n))

/* believe is the grant: what the lock promises is checked here, unless somebody has deleted
 * the key meanwhile. */
inline believe(c, n, mode, r) {
  d_step {
    k = 0;
    do
    :: k < N && !excused[c] ->
      if
      :: k != c && (holds[AT(k, n)] == WRITE || holds[AT(k, n)] == READ && mode == WRITE) ->
        assert(stopped[k] || excused[k]);   /* exclusion, up to fencing */
        assert(token[AT(k, n)] < r)         /* then the later token is larger */
      :: else
      fi;
      /* first come, first served: nothing that excludes the hold was there before it */
      assert(k == c || !writeKey[AT(k, n)] || writeKey[AT(k, n)] > r);
      assert(k == c || mode == READ || !readKey[AT(k, n)] || readKey[AT(k, n)] > r);
      k++
    :: else -> break
    od;
    k = 0;
    holds[AT(c, n)] = mode;
    token[AT(c, n)] = r
  }
}

/* overtake is another hold of a request that is there already. */
inline overtake() {
  d_step {
    k = 0;
    do
    :: k < N ->
      if
      :: waits[k] -> overtaken[k]++
      :: else
      fi;
      k++
    :: else -> break
    od;
    k = 0
  }
}

/* use is work on what the lock protects, which checks the fencing token. */
inline use(c, n) {
  d_step {
    if
#ifdef MUTANT_NO_FENCE
    :: holds[AT(c, n)] ->
#else
    :: holds[AT(c, n)] && token[AT(c, n)] >= used[n] ->
#endif
      assert(token[AT(c, n)] >= used[n]);
      if
      :: holds[AT(c, n)] == WRITE -> used[n] = token[AT(c, n)]
      :: else
      fi
    :: else
    fi
  }
}

/* look is a call of Token: no two writers learn one token, and later ones larger tokens,
 * unless the key is gone by then. */
inline look(c, n) {
  d_step {
    assert(excused[c] || token[AT(c, n)] > known[n]);
    if
    :: excused[c]
    :: !excused[c] && holds[AT(c, n)] == WRITE ->
      assert(token[AT(c, n)] > knownRead[n]);
      known[n] = token[AT(c, n)]
    :: !excused[c] && holds[AT(c, n)] == READ && token[AT(c, n)] > knownRead[n] -> knownRead[n] = token[AT(c, n)]
    :: else
    fi
  }
}

/* lose is when a client learns that its hold has ended: by the event of its key, or by its
 * clock. */
inline lose(c) {
  d_step {
    k = 0;
    do
    :: k < NAMES -> holds[AT(c, k)] = 0; token[AT(c, k)] = 0; k++
    :: else -> break
    od;
    k = 0;
    excused[c] = false;
    waits[c] = false
  }
}

#if NAMES > 1
#define OWN(c) (readKey[AT(c, 0)] || writeKey[AT(c, 0)] || readKey[AT(c, 1)] || writeKey[AT(c, 1)])
#else
#define OWN(c) (readKey[AT(c, 0)] || writeKey[AT(c, 0)])
#endif
#define RUNS(c) (alive[c] && !stopped[c])

proctype Client(byte c) {
  byte round, mode, r, n, first, beyond, last, k, passes;
  bool looked;

again:
  assert(!alive[c] || kept[c] || excused[c] || !OWN(c)); /* nothing is left */
  if
  :: !alive[c] || RUNS(c) && round == ROUNDS && !kept[c] -> goto end
#ifdef KEEP
  :: atomic { /* RWLock takes over what is kept. */
#ifdef MUTANT_RELOCK_UNCHECKED
      !stopped[c] && kept[c] && round < ROUNDS ->
#else
      RUNS(c) && kept[c] && round < ROUNDS ->
#endif
      round++;
      mode = WRITE;
      first = 0;
      beyond = 1;
#ifdef MUTANT_COUNTS_PASSES_ANEW
      passes = 0;
#else
      passes++; /* what the key has served counts */
#endif
      looked = false;
      r = kept[c];
      kept[c] = 0;
      overtake();
      believe(c, 0, WRITE, r);
      goto held
    }
#endif
  :: atomic {
      RUNS(c) && round < ROUNDS && !kept[c] ->
      round++;
      passes = 0;
      looked = false;
      if
      :: mode = READ
      :: mode = WRITE
      fi;
      first = 0;
      beyond = 1;
#if NAMES > 1
      if
      :: true
      :: first = 1; beyond = 2
      :: beyond = 2 /* a set */
      fi
#endif
    }
  fi;

  /* The request: one transaction that puts the keys, unless they are there, and reads who
   * is ahead. */
put:
  if
  :: !alive[c] -> goto end
  :: RUNS(c) && !lease[c] -> goto withdraw
  :: atomic {
      RUNS(c) && lease[c] ->
      if
      :: mode == WRITE && !writeKey[AT(c, first)] || mode == READ && !readKey[AT(c, first)] ->
        revision++;
        n = first;
        do
        :: n < beyond ->
          if
          :: mode == WRITE -> writeKey[AT(c, n)] = revision
          :: else -> readKey[AT(c, n)] = revision
          fi;
          n++
        :: else -> break
        od
      :: else
      fi;
      if
      :: mode == WRITE -> r = writeKey[AT(c, first)]
      :: else -> r = readKey[AT(c, first)]
      fi;
      waits[c] = true;
      overtaken[c] = 0;
      n = first;
      lookAhead(c, n, mode, r);
      if
      :: true /* the reply arrives */
      :: faults < FAULTS -> faults++; r = 0; /* it is lost, and the transaction sent again */
#ifdef MUTANT_FORGETS_A_LOST_REPLY
        waits[c] = false;
        goto again
#else
        goto put
#endif
      fi
    }
  fi;

wait:
  /* Name by name: all keys have one revision. */
  if
  :: !alive[c] -> goto end
  :: RUNS(c) && n == beyond -> goto granted
  :: atomic { /* nobody is ahead */
      RUNS(c) && n < beyond && !last ->
#ifdef MUTANT_SET_LOOKS_AT_ONE_QUEUE
      n = beyond;
#else
      n++;
#endif
      if
      :: n < beyond -> lookAhead(c, n, mode, r)
      :: else
      fi;
      goto wait
    }
  :: atomic { /* The watch of the last request ahead begins now. What was deleted before has
     * no event: so that key is read once more. */
      RUNS(c) && n < beyond && last ->
      if
      :: PRESENT(c, n, last)
#ifndef MUTANT_NOT_READ_AGAIN
      :: !PRESENT(c, n, last) -> goto reread
#else
      :: !PRESENT(c, n, last) -> last = 0
#endif
      fi
    }
  :: atomic { RUNS(c) && n < beyond && last && faults < FAULTS -> faults++; goto withdraw } /* its context has ended */
  fi;
  if
  :: !alive[c] -> goto end
  :: RUNS(c) && last && !PRESENT(c, n, last) -> skip /* the event */
  :: atomic { RUNS(c) && faults < FAULTS -> faults++; goto withdraw }
  fi;
reread:
  /* The event says that it is gone, and no more: the queue is read, with one's own key. */
  if
  :: !alive[c] -> goto end
  :: atomic {
      RUNS(c) ->
#ifndef MUTANT_OWN_KEY_UNREAD
      if
      :: mode == WRITE && writeKey[AT(c, n)] != r || mode == READ && readKey[AT(c, n)] != r -> goto withdraw
      :: else
      fi;
#endif
#ifdef MUTANT_GRANTED_BY_THE_EVENT
      last = 0;
#else
      lookAhead(c, n, mode, r);
#endif
      assert(last || (mode == WRITE -> writeKey[AT(c, n)] : readKey[AT(c, n)]) == r); /* a grant has its key */
      goto wait
    }
  fi;

granted:
  if
  :: !alive[c] -> goto end
  :: atomic {
      RUNS(c) ->
      waits[c] = false;
      n = first;
      do
      :: n < beyond -> believe(c, n, mode, r); n++
      :: else -> break
      od;
      n = first
    }
  fi;

held:
  /* Work, which can look at the token, ends, or learns that the hold is lost. */
  do
  :: !alive[c] -> goto end
  :: atomic { RUNS(c) && !looked && holds[AT(c, first)] -> looked = true; look(c, first) }
  :: atomic { RUNS(c) && looked && holds[AT(c, first)] -> use(c, first); break }
  :: RUNS(c) && holds[AT(c, first)] -> break
  :: atomic { RUNS(c) && excused[c] -> lose(c); goto withdraw }
  od;

#ifdef CHANGES
  /* TryUpgrade: the key of a writer beside one's own, if there is no other request. */
  if
  :: !alive[c] -> goto end
  :: atomic {
      RUNS(c) && mode == READ && beyond == first + 1 && lease[c] && readKey[AT(c, first)] == r ->
      revision++;
#ifdef MUTANT_UPGRADE_BESIDE_READERS
      lookAhead(c, first, READ, revision);
#else
      lookAhead(c, first, WRITE, revision);
#endif
      if
      :: last == 0 ->
        writeKey[AT(c, first)] = revision;
        believe(c, first, WRITE, revision)
      :: else
      fi
    }
    if
    :: !alive[c] -> goto end
    :: atomic { RUNS(c) && excused[c] -> lose(c); goto withdraw }
    :: atomic { /* Downgrade */
        RUNS(c) && holds[AT(c, first)] == WRITE && !excused[c] ->
        holds[AT(c, first)] = READ
      }
      if
      :: !alive[c] -> goto end
      :: atomic { RUNS(c) -> writeKey[AT(c, first)] = 0 }
      fi
    :: RUNS(c) -> skip
    fi
  :: RUNS(c) -> skip
  fi;
#endif

#ifdef PASSING
  /* A local queue gives the hold to another goroutine, which is another hold of the key. */
  if
  :: !alive[c] -> goto end
#ifdef MUTANT_PASSES_WITHOUT_END
  :: atomic { RUNS(c) && mode == WRITE && beyond == first + 1 && !looked && !excused[c] && passes < PASSES + 1 ->
#elif defined(MUTANT_PASSES_A_KNOWN_TOKEN)
  :: atomic { RUNS(c) && mode == WRITE && beyond == first + 1 && !excused[c] && passes + 1 < PASSES -> looked = false;
#else
  :: atomic { RUNS(c) && mode == WRITE && beyond == first + 1 && !looked && !excused[c] && passes + 1 < PASSES ->
#endif
      passes++;
      overtake();
      k = 0;
      do
      :: k < N -> assert(!waits[k] || overtaken[k] <= (PASSES - 1) * (N - 1)); k++
      :: else -> break
      od;
      assert(passes < PASSES);
      k = 0
    }
    goto held
  :: RUNS(c) -> skip
  fi;
#endif

#ifdef KEEP
  /* Unlock keeps the key of a hold of which nobody has looked at the token. */
  if
  :: !alive[c] -> goto end
#ifdef MUTANT_KEEPS_A_KNOWN_TOKEN
  :: atomic { RUNS(c) && mode == WRITE && first == 0 && beyond == 1 && !excused[c] && lease[c] ->
#else
  :: atomic { RUNS(c) && mode == WRITE && first == 0 && beyond == 1 && !looked && !excused[c] && lease[c] ->
#endif
      holds[AT(c, 0)] = 0;
      token[AT(c, 0)] = 0;
      kept[c] = r
    }
    goto again
  :: RUNS(c) -> skip
  fi;
#endif

withdraw: /* and Unlock: the keys are deleted, if they are those of the request. */
  if
  :: !alive[c] -> goto end
  :: atomic {
      RUNS(c) ->
      waits[c] = false;
#ifndef MUTANT_WITHDRAWS_NOTHING
      n = first;
      do
      :: n < beyond ->
        if
        :: holds[AT(c, n)] == 0 && mode == WRITE && writeKey[AT(c, n)] == r -> writeKey[AT(c, n)] = 0
        :: holds[AT(c, n)] == 0 && mode == READ && readKey[AT(c, n)] == r -> readKey[AT(c, n)] = 0
        :: else -> readKey[AT(c, n)] = 0; writeKey[AT(c, n)] = 0
        fi;
        n++
      :: else -> break
      od;
#else
      if
      :: holds[AT(c, first)] == 0
      :: else -> n = first;
        do
        :: n < beyond -> readKey[AT(c, n)] = 0; writeKey[AT(c, n)] = 0; n++
        :: else -> break
        od
      fi;
#endif
      lose(c)
    }
  fi;
  goto again;

end:
  /* Close: the session ends for the client, then its lease in etcd. */
  atomic { !stopped[c] -> alive[c] = false; lose(c); kept[c] = 0; over++ }
}

/* Clock ends sessions, stops processes, and has etcd end leases. */
proctype Clock(byte c) {
  byte k;
  do
  :: over == N && !lease[c] -> break
  :: atomic { faults < FAULTS && RUNS(c) -> faults++; /* renewals fail: the deadline of the client */
      alive[c] = false; lose(c);
#ifndef MUTANT_RELOCK_UNCHECKED
      kept[c] = 0
#endif
    }
  :: atomic { faults < FAULTS && RUNS(c) -> faults++; stopped[c] = true }
#ifdef MUTANT_DEADLINE_FROM_THE_REPLY
  :: atomic { faults < FAULTS && RUNS(c) && lease[c] -> faults++; lease[c] = false; deleteKeys(c) }
#endif
  :: atomic { lease[c] && (!alive[c] || stopped[c]) -> lease[c] = false; deleteKeys(c) }
  :: atomic { stopped[c] -> stopped[c] = false; /* it goes on, and looks at its clock first */
      if
      :: !lease[c] -> alive[c] = false; lose(c); kept[c] = 0
      :: else
      fi
    }
  :: atomic { faults < FAULTS && lease[c] && alive[c] -> faults++; /* somebody revokes the lease */
      excused[c] = true; lease[c] = false; deleteKeys(c); kept[c] = 0
    }
  od
}

#ifdef KEEP
/* Keeper deletes the key of a kept lock when another request waits for it. */
proctype Keeper(byte c) {
  do
  :: over == N -> break
#ifndef MUTANT_KEEPER_IS_BLIND
  :: atomic { RUNS(c) && kept[c] && WANTED(c, 0) ->
      if
      :: writeKey[AT(c, 0)] == kept[c] -> writeKey[AT(c, 0)] = 0
      :: else
      fi;
      kept[c] = 0
    }
#endif
  :: atomic { RUNS(c) && kept[c] && !WANTED(c, 0) -> /* it has been idle */
      if
      :: writeKey[AT(c, 0)] == kept[c] -> writeKey[AT(c, 0)] = 0
      :: else
      fi;
      kept[c] = 0
    }
  od
}
#endif

init {
  byte c;
  atomic {
    do
    :: c < N ->
      alive[c] = true;
      lease[c] = true;
      run Client(c);
      run Clock(c);
#ifdef KEEP
      run Keeper(c);
#endif
      c++
    :: else -> break
    od
  }
  over == N && !lease[0] && !lease[1] && (N < 3 || !lease[2]) && (N < 4 || !lease[3]);
  /* nothing is left */
  c = 0;
  do
  :: c < N * NAMES -> assert(!readKey[c] && !writeKey[c]); c++
  :: else -> break
  od
}
