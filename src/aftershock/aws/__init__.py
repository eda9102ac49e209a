"""AWS's shared words: what every service and the gateway speak of alike.  Imports no other room."""
