# Makes the template of an instance from a unit or a drop-in: foobar@.service
# from foobar.service, and so on, when the package is built (sed -E -f). So
# there is one text for all, and what is added to it is added to both.

# Comments stay as they are.
/^#/b

# Which instance it is, for people.
s/^Description=.*/& (%i)/

# An instance's units are the instance's own …
s/\bfoobar(-[a-z]+)?\.(service|socket|path|timer)\b/foobar\1@%i.\2/g

# … and so are its configuration, credentials, state and sockets. It shares the
# binary and the empty root directory.
s,(/etc|/var/lib)/foobar\b,&@%i,g
s,^(StateDirectory|ImportCredential)=foobar,&@%i,
s,(/run/foobar-[a-z]+)(\.sock)\b,\1@%i\2,

# Two cannot listen on one port, and no name says which is free.
/^ListenStream=[^/]/c\
# An instance has no address until its administrator gives it one:\
#   systemctl edit foobar@….socket foobar-metrics@….socket\
# with [Socket] and ListenStream=. Until then it does not start.

# systemd would call every instance's user foobar, and so make it one user. "_",
# as foobar-admin is a group.
/^DynamicUser=/a\
User=foobar_%i

# It would put them into a slice of theirs, too, which has a whole share.
/^CPUWeight=/i\
Slice=system.slice

# The package has this directory for the one service only.
/^BindPaths=\/etc\/foobar@%i\/credentials/a\
ConfigurationDirectory=foobar@%i/credentials\
ConfigurationDirectoryMode=0700
