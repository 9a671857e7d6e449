#!/bin/sh
# sftp.sh PORT: an sshd of its own with its own keys, and many sftp and ssh sessions against it.
set -e
here=$PWD port=$1
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t ed25519 -N '' -f user
cat > sshd_config <<EOF
Port $port
ListenAddress 127.0.0.1
HostKey $here/host
AuthorizedKeysFile $here/user.pub
PidFile $here/pid
StrictModes no
UsePAM no
PermitRootLogin yes
MaxStartups 100
Subsystem sftp internal-sftp
EOF
/usr/sbin/sshd -f sshd_config -E sshd.log
options="-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes -i $here/user"
head -c 3000000 /dev/urandom > big
until [ -s pid ]; do sleep 0.05; done
for i in 1 2 3 4 5 6 7 8 9 10; do
	printf 'put big there%s\nget there%s back%s\nls -l\nrm there%s\n' "$i" "$i" "$i" "$i" | (cd "$here" && sed "s,put big there,put $here/big $here/there,;s,get there\([0-9]*\) ,get $here/there\1 $here/,;s,rm ,rm $here/,") > batch
	sftp -q -P "$port" $options -b batch 127.0.0.1 > /dev/null
	cmp big "back$i" && echo "result sftp$i same"
	echo "result ssh$i $(seq 50000 | ssh -p "$port" $options 127.0.0.1 'sort -rn | head -1')"
done
kill "$(cat pid)"
