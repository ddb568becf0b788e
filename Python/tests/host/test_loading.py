"""Configuring and constructing modules."""

from __future__ import annotations

from typing import Any, Dict, List

from tests.host.server import SERVER, FakeServer


def only_error(results: List[Dict[str, Any]]) -> Dict[str, Any]:
    assert len(results) == 1
    return results[0]["error"]


def test_modules_are_constructed_with_what_parse_config_returned(server: FakeServer) -> None:
    results = server.configure(
        "host_modules.Nothing",
        ("host_modules.Nothing", {"a": [1]}),
        "host_modules.Parsed",
        ("host_modules.Parsed", {"none": True}),
    )
    assert results == [{"item": item, "ok": True} for item in range(4)]
    built = [server.call("construct", {"item": item})["repr"] for item in range(4)]
    assert built == [
        "<Nothing {}>",
        "<Nothing {'a': [1]}>",
        "<Nothing ('parsed', {})>",
        "<Nothing None>",
    ]


def test_every_fault_of_a_configuration_is_reported_at_once(server: FakeServer) -> None:
    results = server.configure(
        ("host_modules.BadConfig", {"how": "config"}),
        ("host_modules.Nothing", {}),
        ("host_modules.BadConfig", {"how": "value"}),
        "no_such_package.inside.Class",
    )
    assert [("error" in result) for result in results] == [True, False, True, True]
    first, third = results[0]["error"], results[2]["error"]
    assert first["kind"] == "config"
    assert first["path"] == ["modules", "<item 0>", "config", "inner", "key"]
    assert first["message"] == "Failed to parse config for module 'host_modules.BadConfig'"
    assert first["causes"] == ["bad thing"]
    assert third["path"] == ["modules", "<item 2>", "config"]
    assert third["message"] == "Failed to parse config for module 'host_modules.BadConfig'"
    assert third["causes"] == ["ValueError: no good value"]
    assert "parse_config" in third["traceback"]


def test_a_schema_error_names_the_failing_part(server: FakeServer) -> None:
    error = only_error(server.configure(("host_modules.BadConfig", {"how": "schema", "list": ["a", 5]})))
    assert error["kind"] == "config"
    assert error["path"] == ["modules", "<item 0>", "config", "list", "<item 1>"]
    assert error["message"] == "5 is not of type 'string'"


def test_exit_in_parse_config_does_not_end_the_host(server: FakeServer) -> None:
    error = only_error(server.configure(("host_modules.BadConfig", {"how": "exit"})))
    assert error["causes"] == ["SystemExit: 3"]


def test_a_package_that_is_not_installed_is_named(server: FakeServer) -> None:
    error = only_error(server.configure("no_such_package.inside.Class"))
    assert error["kind"] == "import"
    assert error["missing"] == "no_such_package"
    assert "no_such_package" in error["message"]
    assert "ModuleNotFoundError" in error["traceback"]


def test_a_part_of_synapse_that_is_not_there_is_nothing_to_install(server: FakeServer) -> None:
    error = only_error(server.configure("synapse.app.homeserver.Class"))
    assert error["missing"] is None
    assert error["message"].startswith("No module named 'synapse.app': Axolemma offers the parts of Synapse")


def test_a_class_that_does_not_exist(server: FakeServer) -> None:
    error = only_error(server.configure("host_modules.Absent"))
    assert error["kind"] == "import"
    assert error["missing"] is None
    assert "Absent" in error["message"]
    error = only_error(server.configure("nodots"))
    assert error["kind"] == "import"
    assert "package.Class" in error["message"]


def test_a_constructor_that_raises(server: FakeServer) -> None:
    server.configure(
        ("host_modules.RaisesInConstructor", {}), ("host_modules.RaisesInConstructor", {"config_error": 1})
    )
    error = server.failure("construct", {"item": 0})
    assert (error["kind"], error["type"], error["message"]) == ("exception", "RuntimeError", "cannot be made")
    assert "host_modules.py" in error["traceback"]
    error = server.failure("construct", {"item": 1})
    assert error["kind"] == "config"
    assert error["path"] == ["modules", "<item 1>", "a", "b"]
    assert error["message"] == "not like this"


def test_an_unknown_callback_is_a_type_error(server: FakeServer) -> None:
    server.configure("host_modules.UnknownCallback")
    error = server.failure("construct", {"item": 0})
    assert error["type"] == "TypeError"
    assert "check_something" in error["message"]


def test_registrations_come_before_the_construction_is_answered(server: FakeServer) -> None:
    server.configure("host_modules.Validity")
    number = server.begin("construct", {"item": 0})
    server.until(lambda: number in server.answers)
    assert [(note["item"], note["callback"], note["module"]) for note in server.registered()] == [
        (0, "is_user_expired", "host_modules.Validity")
    ]


def test_the_api_works_within_a_constructor(server: FakeServer) -> None:
    server.methods["get_room_state"] = lambda params: {"changes": 0}
    server.configure("host_modules.AsksInConstructor")
    number, params = server.begin("construct", {"item": 0}), None
    server.log_containing("state of 0 events")
    assert params is None
    server.answer(number)


def test_callbacks_may_be_registered_later_but_web_resources_may_not(server: FakeServer) -> None:
    server.load("host_modules.Nothing", "host_modules.RegistersLater")
    assert server.registered()[0]["item"] == 1
    server.callback("is_user_expired", "now")
    assert server.registered()[1]["callback"] == "on_user_login"
    assert server.registered()[1]["item"] == 1
    server.callback("on_user_login", "user", None, None)
    error = server.callback_failure("is_user_expired", "web")
    assert error["type"] == "RuntimeError"
    assert error["message"] == "Tried to register a web resource from a module after startup"


def test_an_api_call_before_the_configuration_is_answered(server: FakeServer) -> None:
    # The host answers configuration in one go; what matters is that it takes calls at any time.
    assert server.call("ping", {})["pending"] == 0
    assert server.call("configure", {"server": SERVER, "modules": []}) == {"results": []}


def test_an_unknown_method_is_refused(server: FakeServer) -> None:
    error = server.failure("no_such_method", {})
    assert error["type"] == "NotImplementedError"
