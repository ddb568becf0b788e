"""The module API: properties, users, authentication."""

from __future__ import annotations

import pytest
from twisted.internet import defer

from synapse.api.errors import (
    AuthError,
    InvalidClientCredentialsError,
    InvalidClientTokenError,
    MissingClientTokenError,
    StoreError,
    SynapseError,
    UserLockedError,
)
from synapse.module_api import ProfileInfo, RoomAlias, RoomID, UserID, UserIpAndAgent, create_requester
from tests.synapse.conftest import result_of
from tests.synapse.test_http import Channel, Site, SynapseRequest


def request(headers=(), uri=b"/x"):
    channel = Channel()
    channel.site = Site(None)
    made = SynapseRequest(channel, None)
    channel.request = made
    for name, value in headers:
        made.requestHeaders.addRawHeader(name, value)
    made.process = lambda: None
    made.gotLength(0)
    made.requestReceived(b"GET", uri, b"HTTP/1.1")
    return made


def test_properties(api):
    assert api.server_name == "test"
    assert api.public_baseurl == "https://test/"
    assert api.email_app_name == "Matrix"
    assert (api.worker_name, api.worker_app, api.custom_template_dir) == (None, None, None)
    assert api.should_run_background_tasks()


def test_the_http_client_is_made_when_it_is_needed(api, hs):
    made = []
    hs.get_simple_http_client = lambda: made.append("client") or "client"
    assert made == []
    assert (api.http_client, api.http_client, made) == ("client", "client", ["client"])


def test_an_unknown_attribute_is_named(api):
    with pytest.raises(AttributeError, match="ModuleApi has no 'get_nonsense'"):
        api.get_nonsense()
    assert not hasattr(api, "is_allowed_mime_type")


def test_private_attributes_come_from_the_home_server(api, hs):
    hs.get_auth = lambda: "auth"
    assert api._hs is hs
    assert api._auth == "auth"
    assert api._clock.time_msec() > 0
    with pytest.raises(AttributeError, match="get_auth_handler"):
        _ = api._auth_handler


USER = {
    "user_id": "@a:test",
    "appservice_id": None,
    "consent_server_notice_sent": None,
    "consent_version": None,
    "consent_ts": None,
    "user_type": None,
    "creation_ts": 5,
    "is_admin": True,
    "is_deactivated": False,
    "is_guest": False,
    "is_shadow_banned": False,
    "approved": True,
    "locked": False,
    "suspended": False,
}


def test_users(api, peer):
    peer.answers["get_userinfo_by_id"] = lambda params: USER if params["user_id"] == "@a:test" else None
    info = result_of(api.get_userinfo_by_id("@a:test"))
    assert info.is_admin is True
    assert info.user_id.to_string() == "@a:test"
    assert info.creation_ts == 5
    assert result_of(api.get_userinfo_by_id("@b:test")) is None
    peer.answers["is_user_admin"] = False
    assert result_of(api.is_user_admin("@b:test")) is False


def test_administrators(api, peer):
    result_of(api.set_user_admin("@a:test", True))
    assert peer.calls == [("set_user_admin", {"user_id": "@a:test", "admin": True})]
    peer.answers["set_user_admin"] = SynapseError(404, "No such user", "M_NOT_FOUND")
    with pytest.raises(StoreError) as caught:
        result_of(api.set_user_admin("@b:test", True))
    assert caught.value.code == 404
    with pytest.raises(SynapseError) as caught:
        result_of(api.set_user_admin("nonsense", True))
    assert caught.value.code == 400


def test_names_and_servers(api):
    assert api.get_qualified_user_id("a") == "@a:test"
    assert api.get_qualified_user_id("@a:other") == "@a:other"
    assert api.is_mine("@a:test")
    assert api.is_mine(UserID("a", "test"))
    assert api.is_mine(RoomAlias("a", "test"))
    assert not api.is_mine("@a:test:80")
    assert not api.is_mine("@a:other")
    assert not api.is_mine("!" + "a" * 43)
    assert not api.is_mine(RoomID.from_string("!" + "a" * 43))


def test_profiles(api, peer):
    peer.answers["get_profile"] = {"display_name": "A", "avatar_url": None}
    assert result_of(api.get_profile_for_user("a")) == ProfileInfo(avatar_url=None, display_name="A")
    assert peer.calls[-1] == ("get_profile", {"user_id": "@a:test"})
    peer.answers["get_profile"] = None
    assert result_of(api.get_profile_for_user("b")) == ProfileInfo(None, None)
    result_of(api.set_displayname(UserID("a", "test"), "Bob"))
    assert peer.calls[-1] == ("set_displayname", {"user_id": "@a:test", "displayname": "Bob"})


def test_the_deprecated_argument_of_set_displayname_is_logged(api, peer, caplog):
    result_of(api.set_displayname(UserID("a", "test"), "Bob", deactivation=False))
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert peer.calls[-1][0] == "set_displayname"


def test_calls_that_start_without_being_awaited(api, peer):
    peer.answers.update(
        check_user_exists="@A:test",
        register_user="@new:test",
        register_device={"device_id": "D", "access_token": "T", "valid_until_ms": None, "refresh_token": None},
    )
    deferreds = [
        api.check_user_exists("@a:test"),
        api.register_user("new"),
        api.register_device("@a:test"),
        api.record_user_external_id("idp", "remote", "@a:test"),
        api.invalidate_access_token("token"),
    ]
    assert all(isinstance(deferred, defer.Deferred) for deferred in deferreds)
    assert [method for method, _ in peer.calls] == [
        "check_user_exists",
        "register_user",
        "register_device",
        "record_user_external_id",
        "invalidate_access_token",
    ]
    assert result_of(deferreds[0]) == "@A:test"
    assert result_of(deferreds[2]) == ("D", "T", None, None)


def test_calls_can_be_yielded(api, peer):
    peer.answers["check_user_exists"] = None

    @defer.inlineCallbacks
    def generator():
        found = yield api.check_user_exists("@a:test")
        return found is None

    assert result_of(generator()) is True


def test_coroutines_start_when_awaited(api, peer):
    coroutine = api.is_user_admin("@a:test")
    assert peer.calls == []
    coroutine.close()


def test_registration(api, peer, caplog):
    peer.answers.update(
        register_user="@bob:test",
        register_device={"device_id": "D", "access_token": "T"},
    )
    assert result_of(api.register("bob", displayname="Bobberino", emails=["b@b.b"])) == ("@bob:test", "T")
    assert peer.calls[0][1] == {
        "localpart": "bob",
        "displayname": "Bobberino",
        "emails": ["b@b.b"],
        "admin": False,
    }
    assert caplog.records[0].levelname == "WARNING"
    peer.answers["check_username"] = SynapseError(400, "User ID already taken.", "M_USER_IN_USE")
    with pytest.raises(SynapseError, match="already taken"):
        result_of(api.check_username("bob"))


def test_login_tokens(api, peer):
    peer.answers["create_login_token"] = "t"
    assert result_of(api.create_login_token("@a:test")) == "t"
    assert peer.calls[-1][1] == {
        "user_id": "@a:test",
        "duration_ms": 120000,
        "auth_provider_id": None,
        "auth_provider_session_id": None,
    }


def test_lists_of_the_server(api, peer):
    peer.answers.update(
        get_threepids_for_user=[{"medium": "email", "address": "a@b", "validated_at": 1, "added_at": 2}],
        get_user_ip_and_agents=[{"ip": "192.0.2.1", "user_agent": "x", "last_seen": 7}],
        get_monthly_active_users_by_service=[["irc", "@a:test"]],
    )
    assert result_of(api.get_threepids_for_user("@a:test"))[0]["medium"] == "email"
    assert result_of(api.get_user_ip_and_agents("@a:test", 5)) == [UserIpAndAgent("192.0.2.1", "x", 7)]
    assert peer.calls[-1][1] == {"user_id": "@a:test", "since_ts": 5}
    assert result_of(api.get_monthly_active_users_by_service()) == [("irc", "@a:test")]


REQUESTER = {"user_id": "@a:test", "access_token_id": 3, "is_guest": False, "scope": [], "device_id": "D"}


def test_requests_are_authenticated(api, peer):
    peer.answers["get_requester"] = REQUESTER
    made = request([(b"Authorization", b"Bearer abc"), (b"User-Agent", b"x")], b"/x?user_id=%40b%3Atest")
    requester = result_of(api.get_user_by_req(made, allow_guest=True))
    assert requester == create_requester("@a:test", 3, device_id="D")
    assert made.requester is requester
    assert peer.calls[-1][1] == {
        "access_token": "abc",
        "allow_guest": True,
        "allow_expired": False,
        "ip": "192.0.2.1",
        "user_agent": "x",
        "user_id": "@b:test",
    }
    result_of(api.get_user_by_req(request(uri=b"/x?access_token=xyz")))
    assert peer.calls[-1][1]["access_token"] == "xyz"


@pytest.mark.parametrize(
    "headers, uri",
    [
        ([], b"/x"),
        ([(b"Authorization", b"Basic abc")], b"/x"),
        ([(b"Authorization", b"Bearer a"), (b"Authorization", b"Bearer b")], b"/x"),
        ([(b"Authorization", b"Bearer a")], b"/x?access_token=b"),
    ],
)
def test_requests_without_one_token(api, peer, headers, uri):
    with pytest.raises(MissingClientTokenError):
        result_of(api.get_user_by_req(request(headers, uri)))
    assert peer.calls == []


@pytest.mark.parametrize(
    "answer, kind",
    [
        (SynapseError(401, "x", "M_UNKNOWN_TOKEN", {"soft_logout": True}), InvalidClientTokenError),
        (SynapseError(401, "x", "M_USER_LOCKED"), UserLockedError),
        (SynapseError(403, "x", "ORG_MATRIX_EXPIRED_ACCOUNT"), AuthError),
        (SynapseError(403, "x", "M_GUEST_ACCESS_FORBIDDEN"), AuthError),
    ],
)
def test_refused_requests(api, peer, answer, kind):
    peer.answers["get_requester"] = answer
    with pytest.raises(kind) as caught:
        result_of(api.get_user_by_req(request([(b"Authorization", b"Bearer abc")])))
    assert caught.value.errcode == answer.errcode
    if kind is InvalidClientTokenError:
        assert isinstance(caught.value, InvalidClientCredentialsError)
        assert caught.value.error_dict(None)["soft_logout"] is True


def test_single_sign_on(api, peer):
    peer.answers["complete_sso_login"] = {"location": "https://client/?loginToken=x"}
    made = request()
    channel = made.channel
    result_of(api.complete_sso_login_async("@a:test", made, "https://client/"))
    assert (channel.code, channel.header(b"Location")) == (302, b"https://client/?loginToken=x")
    assert peer.calls[-1][1]["auth_provider_id"] == "<unknown>"
