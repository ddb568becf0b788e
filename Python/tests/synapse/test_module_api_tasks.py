"""The module API: push, presence, time, threads, transactions, caches."""

from __future__ import annotations

import pytest
from twisted.internet import defer

from synapse.module_api import ModuleApi, cached, run_as_background_process
from synapse.module_api.errors import InvalidRuleException
from tests.synapse.conftest import result_of


@pytest.mark.parametrize("actions", [["foo"], [{"foo": "bar"}], "notify", None, [1]])
def test_wrong_actions_of_push_rules(api, peer, actions):
    with pytest.raises(InvalidRuleException):
        api.check_push_rule_actions(actions)
    with pytest.raises(InvalidRuleException):
        result_of(api.set_push_rule_action("@a:test", "global", "underride", "x", actions))
    assert peer.calls == []


def test_actions_of_push_rules(api, peer):
    for actions in (["notify"], ["dont_notify", "coalesce"], [{"set_tweak": "sound", "value": "default"}], []):
        api.check_push_rule_actions(actions)
    result_of(api.set_push_rule_action("@a:test", "global", "underride", "x", ["notify"]))
    assert peer.calls[-1][0] == "set_push_rule_action"
    with pytest.raises(RuntimeError):
        result_of(api.set_push_rule_action("@a:test", "device", "underride", "x", ["notify"]))


def test_presence_and_push(api, peer):
    result_of(api.set_presence_for_users({"@a:test": ("online", "boop")}))
    assert peer.calls[-1] == ("set_presence_for_users", {"users": {"@a:test": ["online", "boop"]}})
    result_of(api.send_local_online_presence_to({"@a:test"}))
    assert peer.calls[-1] == ("send_local_online_presence_to", {"users": ["@a:test"]})
    peer.answers["send_http_push_notification"] = {"D": True}
    assert result_of(api.send_http_push_notification("@a:test", None, {"x": 1})) == {"D": True}


def test_time(api, hs):
    assert api.get_current_time_msec() > 1_600_000_000_000
    slept = defer.ensureDeferred(api.sleep(2))
    hs.clock.advance(1.5)
    assert not slept.called
    hs.clock.advance(1)
    assert slept.called


def test_background_calls(api, hs, caplog):
    from axolemma_host.background import Background

    hs.background = Background(hs.clock)
    calls = []

    def fails():
        calls.append("looped")
        raise ValueError("x")

    async def later(what, *, more):
        calls.append((what, more))

    assert api.looping_background_call(fails, 1000) is None
    call = api.delayed_background_call(500, later, "once", more=1)
    cancelled = api.delayed_background_call(700, later, "never", more=1)
    assert call.active()
    cancelled.cancel()
    assert calls == []
    hs.clock.pump([0.5, 0.5, 1.0])
    assert calls == [("once", 1), "looped", "looped"]
    assert "fails" in caplog.text
    assert result_of(api.run_as_background_process("desc", later, "now", more=2)) is None
    assert calls[-1] == ("now", 2)


def test_names_from_before_the_interface_was_published(api, hs):
    from axolemma_host.background import Background

    hs.background = Background(hs.clock)
    calls = []
    api.looping_background_call_async(calls.append, 1000, "looped", desc="desc")
    hs.clock.advance(1)
    assert calls == ["looped"]
    assert abs(api.current_time_ms() - api.get_current_time_msec()) < 1000


def test_the_old_background_process(caplog):
    assert result_of(run_as_background_process("desc", lambda: 3)) == 3
    assert result_of(run_as_background_process("desc", "test", lambda: 4)) == 4
    assert "deprecated" in caplog.text

    def fails():
        raise ValueError("x")

    assert result_of(run_as_background_process("desc", fails)) is None


def test_threads(hs, on_reactor):
    import threading

    from twisted.internet import reactor

    hs.get_reactor = lambda: reactor
    api = ModuleApi(hs)
    name = on_reactor(lambda: api.defer_to_thread(lambda a, b: (threading.current_thread().name, a, b), 1, b=2))
    assert name[1:] == (1, 2)
    assert name[0] != on_reactor(lambda: threading.current_thread().name)
    with pytest.raises(ZeroDivisionError):
        on_reactor(lambda: api.defer_to_threadpool(reactor.getThreadPool(), lambda: 1 / 0))


def test_transactions_start_at_once(api, hs):
    class Pool:
        def __init__(self):
            self.calls = []

        async def runInteraction(self, desc, func, *args, **kwargs):
            self.calls.append(desc)
            return func("txn", *args, **kwargs)

    class Stores:
        pass

    stores = Stores()
    stores.main = Stores()
    stores.main.db_pool = Pool()
    hs.get_datastores = lambda: stores
    deferred = api.run_db_interaction("desc", lambda txn, a, b: (txn, a, b), 1, b=2)
    assert stores.main.db_pool.calls == ["desc"]
    assert result_of(deferred) == ("txn", 1, 2)


class Looker:
    """Looks something up once."""

    def __init__(self):
        self.calls = []

    @cached()
    async def look_up(self, name):
        self.calls.append(name)
        return name.upper()


def test_cached_functions(api, hs):
    class Stores:
        pass

    stores, registered = Stores(), {}
    stores.main = Stores()
    stores.main.register_external_cached_function = registered.__setitem__
    hs.get_datastores = lambda: stores
    looker = Looker()
    api.register_cached_function(looker.look_up)
    assert list(registered) == ["tests.synapse.test_module_api_tasks.look_up"]
    assert [result_of(looker.look_up("a")) for _ in range(2)] == ["A", "A"]
    assert looker.calls == ["a"]
    result_of(api.invalidate_cache(looker.look_up, ("a",)))
    assert result_of(looker.look_up("a")) == "A"
    assert looker.calls == ["a", "a"]
