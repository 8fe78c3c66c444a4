"""API keys, and the callers that they stand for."""

from lambdas.domain.api_keys.api_key import (
    LAST_USED_PRECISION,
    ApiKey,
    ApiKeyChanges,
    ApiKeyStore,
    InvalidProjectError,
    KeyExistsError,
    KeyNotValidError,
    KeyState,
    Scope,
    create_key,
    rotate_key,
)
from lambdas.domain.api_keys.secrets import (
    RANDOM_BYTES,
    NewSecret,
    digest_secret,
    is_well_formed,
    make_secret,
)
from lambdas.domain.api_keys.session_names import (
    NoSessionNameError,
    make_session_arn,
    make_session_name,
)

__all__ = [
    "LAST_USED_PRECISION",
    "RANDOM_BYTES",
    "ApiKey",
    "ApiKeyChanges",
    "ApiKeyStore",
    "InvalidProjectError",
    "KeyExistsError",
    "KeyNotValidError",
    "KeyState",
    "NewSecret",
    "NoSessionNameError",
    "Scope",
    "create_key",
    "digest_secret",
    "is_well_formed",
    "make_secret",
    "make_session_arn",
    "make_session_name",
    "rotate_key",
]
