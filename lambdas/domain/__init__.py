"""The rules of counting, pure: no AWS client, no environment, no clock."""
