"""Who can sign in to the demo company. The demo command makes these people; `dev` tells their names."""

LOGINS = {
    "vera@kestrel.example": "admin",
    "nora@kestrel.example": "second admin, who approves",
    "max@kestrel.example": "manager",
    "mara@kestrel.example": "CSM",
}
PASSWORD = "tend-demo-2026"
