"""Calls through the gateway never use more than a budget, whatever runs beside them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdas.domain.api_keys import ApiKey, create_key, make_session_arn
from lambdas.domain.attribution import AttributionRules, TrustedPrincipal
from lambdas.domain.budgets import (
    BudgetAmount,
    BudgetScope,
    BudgetSubject,
    BudgetUnit,
    GatewayBudgets,
)
from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.budgets.call_labels import CallLabels
from lambdas.domain.counters import Chunk, PriceEdition, Sums, begin_counting
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.limits import LimitMode
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.enforce_budgets import BudgetEnforcer
from lambdas.services.find_budgets import BudgetSubjects
from lambdas.services.limit_calls import PolicyAdmission
from tests.budget_store import InMemoryBudgetStore
from tests.builders import ANA, NOON
from tests.counters import InMemoryCounters
from tests.gateway import REGION
from tests.limits import InlineExecutor, InMemoryLimits
from tests.policies import PRICES, FixedPolicies, InMemoryMarks, RecordedReports, call, read
from tests.unit.budgets.builders import budget, change, stored, usage

ROLE = "arn:aws:iam::111122223333:role/callers"
CHAT = "chat"
PROJECTS = (CHAT, "search", CHAT)
KEYS = [
    create_key(bytes([number] * 32), f"caller-{number}", NOON, project=project)[1]
    for number, project in enumerate(PROJECTS)
]
FREE = KEYS[2]
CHAT_KEYS = [key for key in KEYS if key.project == CHAT]
TEAM, EACH, PROJECT, SHADOW = 1_000, 600, 500, 100
AMOUNT = BudgetAmount(BudgetUnit.TOTAL_TOKENS, TEAM)
TRUSTED = TrustedPrincipal(
    account_id="111122223333", principal="role/callers", effective_from=NOON - timedelta(days=1)
)
LABELS = CallLabels(ROLE, REGION, "project", AttributionRules(trusted_principals=(TRUSTED,)))
BUDGETS = [
    budget(
        "team",
        scope=BudgetScope(principal=(ROLE, "arn:aws:iam::111122223333:user/ana")),
        amount=AMOUNT,
        gateway=LimitMode.ENFORCE,
    ),
    budget(
        "each",
        amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, EACH),
        per=BudgetSubject.IDENTITY,
        gateway=LimitMode.ENFORCE,
    ),
    budget(
        "chat",
        scope=BudgetScope(project=(CHAT,)),
        amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, PROJECT),
        gateway=LimitMode.ENFORCE,
    ),
    budget(
        "each-project",
        amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, TEAM),
        per=BudgetSubject.PROJECT,
        gateway=LimitMode.ENFORCE,
    ),
    budget(
        "watched",
        amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, SHADOW),
        per=BudgetSubject.IDENTITY,
        gateway=LimitMode.SHADOW,
    ),
]


@dataclass(slots=True)
class Call:
    """A call of the gateway.

    Attributes:
        key: The key of its caller.
        reserved: What it may use.
        used: What it uses.
        is_running: True until it has ended.
        is_counted: True once the ledger has counted it.
        is_settled: True once a gateway has settled it.
    """

    key: ApiKey
    reserved: int
    used: int
    is_running: bool = True
    is_counted: bool = False
    is_settled: bool = False


class Meter:
    """Budgets and all that enforces them at gateways."""

    def __init__(self) -> None:
        self.counted = self.ids = 0
        self.lock = threading.Lock()
        self.limits, self.sums = InMemoryLimits(), InMemoryCounters()
        self.sums.state = begin_counting(PriceEdition("shipped"), "stack", NOON, None)
        self.budgets = InMemoryBudgetStore([stored(each) for each in BUDGETS])

    def make_gateway(self) -> PolicyAdmission:
        subjects = BudgetSubjects(GatewayBudgets(self.budgets.read()), LABELS)
        return PolicyAdmission(
            FixedPolicies(read(break_glass=["caller-2"])),
            CallAdmitter(self.limits, self.make_id, InlineExecutor()),
            PRICES,
            InMemoryMarks(),
            RecordedReports(),
            subjects,
        )

    def make_id(self) -> str:
        with self.lock:
            self.ids += 1
            return f"call-{self.ids}"

    def count(self, total: int, identity_arn: str, project: str = CHAT) -> None:
        with self.lock:
            self.counted += 1
            used = change(
                totals=usage(total_tokens=total), identity_arn=identity_arn, project=project
            )
            sums = accumulate([used], list(self.budgets.read()))
            added = Sums(accumulators={key.counter_key: totals for key, totals in sums.items()})
            self.sums.commit(Chunk(1, "shard", self.counted, self.counted, added, (), NOON))

    def count_call(self, total: int, key: ApiKey) -> None:
        assert key.project is not None
        self.count(total, make_session_arn(ROLE, key.session_name), key.project)

    def raise_counters(self, now: datetime) -> None:
        with self.lock:
            enforcer = BudgetEnforcer(self.budgets, self.sums, self.limits)
            assert enforcer.enforce(now).failures == {}


class EnforcedBudgets(RuleBasedStateMachine):
    """Gateways admit calls, some of them stop, others call around them, and sums come late."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.calls: dict[str, Call] = {}
        self.around = 0
        self.meter = Meter()
        self.gateways = [self.meter.make_gateway() for _ in range(2)]

    @property
    def is_exact(self) -> bool:
        """True if counters have what calls use and no more."""
        return not self.around and all(
            each.is_running or each.is_settled for each in self.calls.values()
        )

    def get_use(self, *keys: ApiKey) -> int:
        """The tokens that calls of some keys have used, or may use yet."""
        return sum(
            each.reserved if each.is_running else each.used
            for each in self.calls.values()
            if each.key in keys
        )

    @rule(
        key=st.sampled_from(KEYS),
        need=st.integers(1, 400),
        share=st.floats(0, 1),
        number=st.integers(0, 1),
    )
    def admit(self, key: ApiKey, need: int, share: float, number: int) -> None:
        self.now += timedelta(seconds=2)  # a process keeps a refusal for a second
        is_within = (
            self.get_use(*KEYS) + need <= TEAM
            and self.get_use(key) + need <= EACH
            and (key not in CHAT_KEYS or self.get_use(*CHAT_KEYS) + need <= PROJECT)
        )
        admitted = self.gateways[number].admit(call(need, 0, key=key), self.now)
        if key is FREE or (is_within and self.is_exact):
            assert admitted.refusal is None
        if admitted.reservation_id is not None:
            name = f"{number}/{admitted.reservation_id}"
            self.calls[name] = Call(key, need, int(need * share))
            if key is not FREE:
                assert self.get_use(*KEYS) <= TEAM
                assert self.get_use(key) <= EACH
                if key in CHAT_KEYS:
                    assert self.get_use(*CHAT_KEYS) <= PROJECT

    @precondition(lambda self: any(each.is_running for each in self.calls.values()))
    @rule(data=st.data(), is_stopped=st.booleans())
    def end_call(self, data: st.DataObject, is_stopped: bool) -> None:
        """A call ends. A gateway that stops does not settle it."""
        running = [name for name, each in self.calls.items() if each.is_running]
        name = data.draw(st.sampled_from(running))
        ended = self.calls[name]
        ended.is_running, ended.is_settled = False, not is_stopped
        if not is_stopped:
            number, _, reservation = name.partition("/")
            self.gateways[int(number)].settle(reservation, TokenCounts(ended.used, 0), self.now)

    @precondition(lambda self: any(not each.is_running for each in self.calls.values()))
    @rule(data=st.data())
    def count_call(self, data: st.DataObject) -> None:
        ended = [each for each in self.calls.values() if not (each.is_running or each.is_counted)]
        if ended:
            counted = data.draw(st.sampled_from(ended))
            counted.is_counted = True
            self.meter.count_call(counted.used, counted.key)

    @rule(total=st.integers(1, 200))
    def call_around_the_gateway(self, total: int) -> None:
        self.around += total
        self.meter.count(total, ANA)

    @rule()
    def raise_counters(self) -> None:
        self.meter.raise_counters(self.now)

    @invariant()
    def counters_have_all_that_reservations_have_charged(self) -> None:
        assert self.read_counter("budget#team#1") >= self.get_use(*KEYS)
        assert self.read_counter("budget#chat#1") >= self.get_use(*CHAT_KEYS)
        assert self.read_counter("budget#each-project#1#search") >= self.get_use(KEYS[1])
        for key in KEYS:
            arn = make_session_arn(ROLE, key.session_name)
            assert self.read_counter(f"budget#each#1#{arn}") >= self.get_use(key)
            assert self.read_counter(f"budget#watched#1#{arn}") >= self.get_use(key)

    def read_counter(self, subject: str) -> int:
        state = self.meter.limits.read(subject)
        key = next(iter(state.counters), None) if state is not None else None
        return 0 if state is None or key is None else state.get_total(key)


TestEnforcedBudgets = EnforcedBudgets.TestCase


def test_gateways_at_the_same_time_never_exceed_a_budget() -> None:
    """Eight gateways call beside a settler that raises counters all the time. Some calls stop."""
    meter, use, lock = Meter(), dict.fromkeys(range(2), 0), threading.Lock()
    has_ended = threading.Event()

    def call_models(seed: int) -> int:
        random, gateway, number = Random(seed), meter.make_gateway(), seed % 2  # noqa: S311
        admitted = 0
        for second in range(60):
            need = random.randint(1, 120)
            used = random.randint(0, need // 8)
            at = NOON + timedelta(seconds=2 * second)
            reservation = gateway.admit(call(need, 0, key=KEYS[number]), at).reservation_id
            if reservation is None:
                continue
            admitted += 1
            with lock:
                use[number] += need
                assert sum(use.values()) <= TEAM
                assert use[number] <= (PROJECT if KEYS[number] in CHAT_KEYS else EACH)
            if random.random() < 0.95:  # else the gateway has stopped
                with lock:
                    use[number] -= need - used
                gateway.settle(reservation, TokenCounts(used, 0), at)
                meter.count_call(used, KEYS[number])
        return admitted

    def raise_counters() -> None:
        while not has_ended.wait(0.001):
            meter.raise_counters(NOON)

    with ThreadPoolExecutor(9) as threads:
        settler = threads.submit(raise_counters)
        try:
            admitted = sum(threads.map(call_models, range(8)))
        finally:
            has_ended.set()
        settler.result()
    assert 8 < admitted < 8 * 60  # some were refused
